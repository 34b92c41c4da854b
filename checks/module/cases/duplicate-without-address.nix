# Two machines export a host, and no address of them is known.
{ common, ... }:
{
  machines = [ "server" ];
  keys = [ "clan.core.vars.generators.dm-dns" ];
  clan = {
    meta.domain = "test";
    inventory.machines = {
      client = { };
      server = { };
    };
    inventory.instances = {
      dm-dns = common.dm-dns [ ];
      chat = common.exports "endpoints" {
        client = [ "shared.test" ];
        server = [ "shared.test" ];
      };
    };
  };
}
