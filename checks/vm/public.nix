# The clan of the scenarios in a domain of which others have names as well, and which systemd-resolved
# does not exempt from DNSSEC. Machines find names by addresses as well.
{
  # where the inventory finds dm-dns
  module,
}:
arguments@{ lib, ... }:
lib.recursiveUpdate
  (import ./clan.nix {
    domain = "clan.example";
    inherit module;
  } arguments)
  {
    inventory.instances.dm-dns.roles.default = {
      machines.client.settings.names = [ "git.app.clan.example" ];
      settings.reverse = true;
      settings.wholeDomain = false;
    };
  }
