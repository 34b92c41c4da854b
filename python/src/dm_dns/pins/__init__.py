"""The pins of a flake: whether what flake.lock pins can still be downloaded, and updating it."""
