"""A clan's machines as plain processes on this machine: the real unbound, a fake data-mesher."""
