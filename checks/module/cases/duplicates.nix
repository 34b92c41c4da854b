# Hosts that are exported several times: by two machines, and by two services of one machine.
{ common, ... }:
{
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
        server = [
          "shared.test"
          "twice.test"
        ];
      };
      vpn = common.exports "vpn" {
        client = [ { plain = "fd00::1"; } ];
        server = [ { plain = "fd00::2"; } ];
      };
      web = common.exports "endpoints" { server = [ "Twice.test." ]; };
    };
  };
}
