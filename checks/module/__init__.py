"""What the real clan-core evaluates the module to, in snapshots for machines without Nix."""
