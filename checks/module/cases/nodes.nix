# The example clan as `make nodes` boots it, with what the case `spell` has not turned on: the network that its
# machines are on is a local network, in which one of them answers devices, and the domain has public names.
arguments@{ lib, ... }:
let
  spell = import ./spell.nix arguments;

  atHome = address: "${address}/24";
  settings = spell.clan.inventory.instances.dm-dns.roles.default.settings;
in
lib.recursiveUpdate spell {
  clan.inventory.instances.dm-dns.roles.default = {
    machines.nephtear.settings.addresses = [ (atHome "192.168.1.3") ];
    machines.zoltraak.settings = {
      allow = [ "192.168.1.0/24" ];
      listen = [ "192.168.1.4" ];
    };
    settings = {
      devices.printer.addresses = map atHome settings.devices.printer.addresses;
      localNetworks.home = {
        prefix = "192.168.1.0/24";
        router.address = "192.168.1.254";
        router.linkAddress = "02:00:00:00:01:fe";
      };
      wholeDomain = false;
    };
  };
}
