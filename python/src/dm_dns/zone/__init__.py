"""The zone: names, zone spec, zone.conf, zone file. Pure; standard library only, but for idna."""
