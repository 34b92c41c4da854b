"""dm-dns and clan-core's own dm-dns, on the same machines with the same faults."""
