# A clan with a domain of multicast DNS, whose machines find the names of others in it as well.
arguments@{ lib, ... }:
lib.recursiveUpdate (import ./mdns.nix arguments) {
  clan.inventory.instances.dm-dns.roles.default.settings.wholeDomain = false;
}
