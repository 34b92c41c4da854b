# Macs of a clan without any NixOS machine that has the setting listen.
{ common, lib }:
{
  clan = {
    meta.domain = "test";
    inventory.machines = {
      macbook.machineClass = "darwin";
      # It answers nobody.
      mini.machineClass = "darwin";
      server = { };
    };
    inventory.instances.dm-dns = lib.recursiveUpdate (common.dm-dns [ ]) {
      roles.default.machines.mini.settings = {
        allow = [ "192.0.2.0/24" ];
        listen = [ "192.0.2.1" ];
      };
    };
    inventory.instances.more-dns = common.dm-dns [ ];
  };
}
