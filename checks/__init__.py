"""What dm-dns is tested with: stand-in mesh, local nodes, demo, benchmarks. Never shipped."""
