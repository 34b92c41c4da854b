"""Hostile files: a fixed collection of them, and a fuzzer that makes more."""
