"""`make demo`: a clan on this machine, its names, and what happens when one of them moves."""
