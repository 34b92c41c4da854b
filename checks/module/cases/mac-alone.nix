# A Mac of a clan without any machine that has the setting listen.
{ common, ... }:
{
  clan = {
    meta.domain = "test";
    inventory.machines = {
      macbook.machineClass = "darwin";
      server = { };
    };
    inventory.instances.dm-dns = common.dm-dns [ ];
    inventory.instances.more-dns = common.dm-dns [ ];
  };
}
