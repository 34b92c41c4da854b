# Addresses that lead nowhere, or astray; names with a port; and more local networks than a clan can have.
{ common, lib }:
let
  networkOf = number: prefix: address: {
    inherit prefix;
    router = {
      inherit address;
      linkAddress = "52:54:00:00:00:${lib.fixedWidthString 2 "0" (lib.toHexString number)}";
    };
  };
in
{
  machines = [ "server" ];
  keys = [ "clan.core.vars.generators.dm-dns" ];
  clan = {
    meta.domain = "test";
    inventory.machines.server = { };
    inventory.instances.dm-dns = lib.recursiveUpdate (common.dm-dns [ ]) {
      roles.default.settings = {
        devices.phone.addresses = [ "127.0.0.1" ];
        devices.printer = {
          addresses = [ "192.168.1.20" ];
          names = [ "print.test:631" ];
        };
        localNetworks = {
          corporate = networkOf 102 "172.16.0.0/12" "172.16.0.1";
          home = networkOf 1 "192.168.1.0/24" "192.168.1.1";
          lab = networkOf 103 "172.16.1.0/24" "172.16.1.1";
          office = networkOf 2 "FD00:1::/64" "fd00:1::1";
          parents = networkOf 3 "192.168.1.0/24" "192.168.1.1";
        }
        // lib.listToAttrs (
          map (
            number:
            lib.nameValuePair "n${toString number}" (
              networkOf number "10.${toString number}.0.0/16" "10.${toString number}.0.1"
            )
          ) (lib.range 4 99)
        );
      };
      roles.default.machines.server.settings = {
        addresses = [
          "0.0.0.0"
          "0.0.0.1"
          "10.4.1.1"
          "10.4.1.10/24"
          "10.4.1.127/25@n4"
          "10.4.1.255/24"
          "10.4.255.255"
          "127.0.0.2"
          "169.254.1.1"
          "172.16.1.255"
          "192.168.1.0"
          "192.168.1.10/25"
          "192.168.1.255/16"
          "224.0.0.251"
          "240.0.0.1"
          "::"
          "::1"
          "::1/128"
          "::ffff:c0a8:101"
          "FD00:1::"
          "FD00:1::10"
          "FD00:1::10/56"
          "FF02::1"
          "fe80::1"
          "fe80::1%eth0"
        ];
        names = [ "git.test:3000" ];
      };
    };
  };
}
