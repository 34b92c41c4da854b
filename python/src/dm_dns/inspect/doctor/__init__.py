"""`dm-dns doctor`: which link of the way from the mesh to programs is broken, and what to type.

`checks` has the list of all checks in the order of the way of the data. The others ask: `units`
systemd, `files` what the units read and wrote, `answers` whoever answers lookups, and `name` what
becomes of one name.
"""
