"""`dm-dns apply` with a fault at each of its system calls: killed there, or told of an error."""
