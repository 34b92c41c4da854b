# What can be wrong with local networks, and with addresses there, that the naming cases cannot have.
{ common, lib }:
let
  home = {
    prefix = "192.168.178.0/24";
    router.address = "192.168.178.1";
    router.linkAddress = "52:54:00:12:34:56";
  };
in
{
  machines = [ "server" ];
  keys = [ "clan.core.vars.generators.dm-dns" ];
  clan = {
    meta.domain = "test";
    inventory.machines = {
      client = { };
      server = { };
    };
    inventory.instances.dm-dns = lib.recursiveUpdate (common.dm-dns [ ]) {
      roles.default.settings = {
        devices.printer.addresses = [ "192.168.178.20/24" ];
        localNetworks = {
          inherit home;
          nothing = { };
          parents = home // {
            router = home.router // {
              linkAddress = "52:54:00:12:34:57";
            };
          };
        };
      };
      roles.default.machines = {
        client.settings.localNetworks.mine = home;
        server.settings = {
          localNetworks.mine = home // {
            only = true;
          };
          addresses = [
            "10.1.2.3/16"
            "FD00:1:2:3::4/64"
            "fe80::1/64"
            "192.168.178.10/24@cafe"
            "192.168.178.10@home"
            "192.168.178.10/33@home"
            "192.168.178.10/0"
            "10.1.2.3/24@home"
            "nas/24"
          ];
        };
      };
    };
  };
}
