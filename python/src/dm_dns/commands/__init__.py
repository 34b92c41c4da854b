"""The commands: each takes its arguments, calls what does the work, and prints the result."""
