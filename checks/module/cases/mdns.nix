# A clan with a domain that is reserved for multicast DNS.
{ common, lib }:
{
  keys = [
    "assertions"
    "warnings"
  ];
  clan = {
    meta.domain = "local";
    inventory.machines = {
      macbook.machineClass = "darwin";
      server = { };
    };
    inventory.instances.dm-dns = lib.recursiveUpdate (common.dm-dns [ ]) {
      roles.default.machines.server.settings = {
        allow = [ "192.0.2.0/24" ];
        listen = [ "192.0.2.1" ];
      };
    };
  };
}
