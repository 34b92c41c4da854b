# Settings that are not valid names, addresses or networks.
{ common, lib }:
{
  machines = [ "server" ];
  keys = [ "clan.core.vars.generators.dm-dns" ];
  clan = {
    meta.domain = "test";
    inventory.machines.server = { };
    inventory.instances = {
      dm-dns = lib.recursiveUpdate (common.dm-dns [ ]) {
        roles.default.machines.server.settings = {
          addresses = [ "192.0.2.1/24" ];
          names = [ "git.example.org" ];
          networks = [ "vpn2" ];
        };
      };
      vpn = common.exports "vpn" { server = [ { plain = "fd00::1"; } ]; };
    };
  };
}
