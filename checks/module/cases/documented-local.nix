# The other examples, those in docs/devices-and-phones.md among them.
{ common, lib }:
{
  keys = [
    "assertions"
    "clan.core.vars.generators.dm-dns"
    "warnings"
  ];
  clan = {
    meta.domain = "clan.lol";
    inventory.machines = {
      nas = { };
      server = { };
    };
    inventory.instances.dm-dns = lib.recursiveUpdate (common.dm-dns [ ]) {
      roles.default.settings = {
        localNetworks.home = {
          prefix = "192.168.1.0/24";
          router.address = "192.168.1.1";
          router.linkAddress = "52:54:00:12:34:56";
        };
        devices.printer.addresses = [ "192.168.1.20/24" ];
      };
      roles.default.machines.nas.settings.addresses = [
        "fd09::2"
        "192.168.1.10/24"
      ];
      roles.default.machines.server.settings = {
        listen = [
          "fd35::4"
          "192.168.1.4"
        ];
        allow = [
          "fd35::/64"
          "192.168.1.0/24"
        ];
      };
    };
  };
}
