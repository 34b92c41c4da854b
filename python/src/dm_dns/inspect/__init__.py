"""What is served, and by whom: `dm-dns status` and `dm-dns show`. It reads, and changes nothing."""
