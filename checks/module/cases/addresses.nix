# Names without an address, addresses that several have, and one in `listen` that is another machine's.
{ common, lib }:
let
  home = {
    prefix = "192.168.1.0/24";
    router.address = "192.168.1.1";
    router.linkAddress = "52:54:00:12:34:56";
  };
  names = machine: map (label: "${label}.${machine}.test");
in
{
  keys = [
    "assertions"
    "warnings"
  ];
  clan = {
    meta.domain = "test";
    inventory.machines = lib.genAttrs [
      "bare"
      "behind"
      "elsewhere"
      "extra"
      "hosts"
      "named"
      "nas"
      "second"
      "twin"
    ] (_machine: { });
    inventory.instances = {
      dm-dns = lib.recursiveUpdate (common.dm-dns [ ]) {
        roles.default.settings = {
          localNetworks.home = home;
          localNetworks.parents = home // {
            router = home.router // {
              linkAddress = "52:54:00:12:34:57";
            };
          };
          devices = {
            camera.addresses = [ "192.168.1.30/24@home" ];
            door.addresses = [ "192.168.1.30/24@home" ];
            # In another network.
            tv.addresses = [ "192.168.1.30/24@parents" ];
          };
        };
        roles.default.machines = {
          bare.settings.names = names "bare" [
            "a"
            "b"
            "c"
            "d"
            "e"
            "f"
            "g"
          ];
          # What they have in common is the address of a router.
          behind.settings.addresses = [ "203.0.113.1" ];
          second.settings = {
            addresses = [
              "203.0.113.1"
              "192.168.1.12/24@home"
            ];
            allow = [ "192.168.1.0/24" ];
            # The first is the network's `nas`, which others ask as well.
            listen = [
              "192.168.1.10"
              "192.168.1.12"
            ];
          };
          # On a network of its own, with the same prefix.
          elsewhere.settings = {
            addresses = [ "fd00::8" ];
            allow = [ "192.168.1.0/24" ];
            listen = [ "192.168.1.10" ];
          };
          extra.settings.names = names "extra" [ "git" ];
          hosts.settings.names = names "hosts" [ "git" ];
          named.settings.names = names "named" [ "git" ];
          nas.settings = {
            addresses = [
              "fd00::2"
              "192.168.1.10/24@home"
            ];
            names = names "nas" [ "git" ];
          };
          twin.settings.addresses = [ "FD00:0::2" ];
        };
      };
      # As wireguard, which has addresses in /etc/hosts.
      vpn = common.exports "vpn" { named = [ { plain = "named.test"; } ]; };
    };
    machines.extra.networking.extraHosts = "fd00::5 Extra.test";
    machines.hosts.networking.hosts."fd00::6" = [ "hosts.test" ];
    machines.bare.networking.hosts."127.0.0.2" = [ "bare.test" ];
  };
}
