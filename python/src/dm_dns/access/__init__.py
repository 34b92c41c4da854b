"""How the machines of the clan and a checkout of its flake are read, from where this runs."""
