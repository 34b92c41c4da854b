"""The page of `dm-dns show --html` in a real browser: its tests, and its picture for the README."""
