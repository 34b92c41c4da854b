"""What dm-dns is tested with; never shipped. README.md says what is what."""
