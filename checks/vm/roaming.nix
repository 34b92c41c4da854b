# A clan with a NAS at home, in a VPN too, and a laptop that is not always there. The scenario makes the
# home, another network with the same addresses, and what is in them, on the laptop.
{
  # where the inventory finds dm-dns
  module,
}:
{ lib, ... }:
let
  names = [
    "laptop"
    "nas"
  ];
in
{
  meta.domain = "test";
  meta.name = "dm-dns";
  inventory.machines = lib.genAttrs names (_machine: { });
  inventory.instances = {
    data-mesher = {
      module.name = "data-mesher";
      roles.default.tags = [ "all" ];
      roles.bootstrap.machines.nas = { };
    };
    dm-dns = {
      inherit module;
      roles.default.settings = {
        devices.printer.addresses = [ "10.77.0.20/24" ];
        localNetworks.home = {
          prefix = "10.77.0.0/24";
          router.address = "10.77.0.1";
          router.linkAddress = "02:00:00:00:77:01";
        };
      };
      roles.default.machines = {
        laptop.settings.addresses = [ "fd09::1" ];
        nas.settings = {
          addresses = [
            "10.77.0.10/24"
            "fd09::2"
          ];
          names = [ "files.test" ];
        };
      };
      roles.push.machines.nas.settings.automatic = false;
    };
  };

  # Where the scenario has servers, of which one says who it is: the module leaves that to the owner.
  machines.nas.networking.firewall.allowedTCPPorts = [ 8077 ];
}
