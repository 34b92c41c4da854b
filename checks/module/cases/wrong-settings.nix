# Settings that are not valid names, addresses or networks.
{ common, lib }:
{
  machines = [ "server" ];
  keys = [ "clan.core.vars.generators.dm-dns" ];
  clan = {
    meta.domain = "test";
    inventory.machines = {
      server = { };
      other = { };
    };
    inventory.instances = {
      dm-dns = lib.recursiveUpdate (common.dm-dns [ ]) {
        roles.default.machines.other.settings = {
          addresses = [ "192.0.2.2" ];
          names = [ "all.test" ];
        };
        roles.default.machines.server.settings = {
          # One is not valid, and the others are one too many.
          addresses = [
            "192.0.2.1/24"
          ]
          ++ map (number: "fd00::${lib.toHexString number}") (lib.range 1 2001);
          names = [
            "all.test"
            "git.example.org"
          ];
          networks = [ "vpn2" ];
        };
      };
      vpn = common.exports "vpn" { server = [ { plain = "fd00::1"; } ]; };
    };
  };
}
