"""What dm-dns costs: time and memory of whole processes, against a real unbound."""
