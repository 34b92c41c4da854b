# Devices: set for the whole role, on some machines too, and with names that others have.
{ common, lib }:
{
  keys = [
    "clan.core.vars.generators.dm-dns"
    "environment.etc.dm-dns/clan.json"
  ];
  clan = {
    meta.domain = "test";
    inventory.machines = {
      client = { };
      server = { };
      third = { };
    };
    inventory.instances.dm-dns = lib.recursiveUpdate (common.dm-dns [ ]) {
      roles.default.settings.devices.printer = {
        addresses = [
          "192.168.1.20"
          "fd00::20"
        ];
        names = [ "print.test" ];
      };
      roles.default.machines = {
        client.settings.devices.nas = {
          addresses = [ "192.168.1.30" ];
          names = [
            "*.nas.test"
            "files.test"
          ];
        };
        server.settings = {
          addresses = [ "192.168.1.2" ];
          # As on `client`: neither case nor order matters.
          devices.nas = {
            addresses = [ "192.168.1.30" ];
            names = [
              "Files.test."
              "*.nas.test"
            ];
          };
          devices.printer.addresses = [ "FD00::20" ];
          names = [ "files.test" ];
        };
      };
    };
  };
}
