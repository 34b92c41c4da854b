# What no zone can exceed; the same numbers as in python/src/dm_dns/zone/limits.py and names.py, where
# the reasons are.
{
  # of one name
  addresses = 2000;

  # characters
  domain = 240;
  label = 63;
  name = 253;

  # local ones
  networks = 100;
}
