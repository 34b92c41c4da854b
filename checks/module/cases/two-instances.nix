# Two instances, where a clan has one zone.
{ common, ... }:
{
  keys = [
    "assertions"
    "clan.core.vars.generators.dm-dns"
  ];
  clan = {
    meta.domain = "test";
    inventory.machines.server = { };
    inventory.instances = {
      dm-dns = common.dm-dns [ ];
      more-dns = common.dm-dns [ ];
    };
  };
}
