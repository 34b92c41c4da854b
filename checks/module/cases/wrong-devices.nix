# Devices that machines set differently, and others that are not valid.
{ common, lib }:
{
  machines = [ "server" ];
  keys = [ "clan.core.vars.generators.dm-dns" ];
  clan = {
    meta.domain = "test";
    inventory.machines = {
      client = { };
      server = { };
      third = { };
    };
    inventory.instances.dm-dns = lib.recursiveUpdate (common.dm-dns [ ]) {
      roles.default.settings.devices = {
        # clan-core merges lists of the role and of a machine.
        printer.addresses = [ "192.168.1.20" ];
        many.addresses = map (number: "fd00::${lib.toHexString number}") (lib.range 1 2001);
        many.names = [ "many.test" ];
        nothing = { };
        third.addresses = [ "192.168.1.22" ];
      };
      roles.default.machines = {
        client.settings.devices = {
          Phone.addresses = [ "192.168.1.23" ];
          camera.addresses = [ "192.168.1.24" ];
        };
        server.settings.devices = {
          camera = {
            addresses = [ "192.168.1.24" ];
            names = [ "door.test" ];
          };
          nas = {
            addresses = [ "nas.lan" ];
            names = [
              "files"
              "nas.test"
              "third.test"
            ];
          };
          phone.addresses = [ "192.168.1.23" ];
          printer.addresses = [ "192.168.1.21" ];
        };
      };
    };
  };
}
