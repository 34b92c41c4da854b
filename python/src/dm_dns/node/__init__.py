"""What runs on every machine: from the copies of zone.conf to answers. Standard library only."""
