# The example clan, of which one machine answers devices in its LAN, and phones in one of its VPNs.
arguments@{ lib, ... }:
let
  spell = import ./spell.nix arguments;
in
lib.recursiveUpdate spell {
  clan.inventory.instances.dm-dns.roles.default.machines.zoltraak.settings = {
    allow = [
      "192.168.1.0/24"
      "fd35:f254:ab26:d7ec:8d99:9300::/88"
    ];
    listen = [
      "192.168.1.4"
      "fd35:f254:ab26:d7ec:8d99:931b:b832:28fb"
    ];
  };
}
