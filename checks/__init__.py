"""What dm-dns is tested with: machines as processes, containers and VMs, a fake data-mesher, the demo. Never shipped."""
