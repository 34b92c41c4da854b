"""The module as the real clan-core evaluates it, on record for machines without Nix."""
