"""A fake data-mesher v2: same command line, file layout and rules. See checks/README.md."""
