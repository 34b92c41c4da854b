# A Mac that asks machines on a local network and in a VPN, with an address that two of them have in turns.
{ common, lib }:
{
  machines = [ "macbook" ];
  keys = [
    "assertions"
    "environment.etc"
    "warnings"
  ];
  clan = {
    meta.domain = "test";
    inventory.machines = {
      macbook.machineClass = "darwin";
      nas = { };
      vps = { };
    };
    inventory.instances.dm-dns = lib.recursiveUpdate (common.dm-dns [ ]) {
      roles.default.settings.localNetworks.home = {
        prefix = "192.168.1.0/24";
        router.address = "192.168.1.1";
        router.linkAddress = "52:54:00:12:34:56";
      };
      roles.default.machines = lib.genAttrs [ "nas" "vps" ] (machine: {
        settings = {
          allow = [
            "192.168.1.0/24"
            "fd00::/64"
          ];
          listen = [
            "192.168.1.2"
            (if machine == "nas" then "fd00::2" else "fd00::3")
          ];
        };
      });
    };
  };
}
