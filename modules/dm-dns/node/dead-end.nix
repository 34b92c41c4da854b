# What a name of the clan points to if it is not known whether it is one, see resolved.nix. The same name
# as in python/src/dm_dns/node/hook_names.py.
"unavailable.dm-dns.internal"
