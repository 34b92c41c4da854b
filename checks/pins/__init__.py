"""What `dm-dns prefetch` is tested with: a real Nix, and a server of archives, good and bad."""
