# A Mac of a clan whose machines with the setting listen answer nobody.
{ common, lib }:
{
  machines = [ "macbook" ];
  clan = {
    meta.domain = "test";
    inventory.machines = {
      macbook.machineClass = "darwin";
      one = { };
      two = { };
    };
    inventory.instances.dm-dns = lib.recursiveUpdate (common.dm-dns [ ]) {
      roles.default.machines.one.settings.listen = [ "192.0.2.1" ];
      roles.default.machines.two.settings.listen = [ "192.0.2.2" ];
    };
  };
}
