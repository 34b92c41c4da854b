"""A clan's nodes as plain processes on this machine: real unbound, stand-in mesh."""
