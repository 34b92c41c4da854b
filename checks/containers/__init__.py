"""Machines of a clan as containers with a booted Debian, configured as the module evaluates."""
