# No machine sends the zone, and there is no data-mesher.
{ common, ... }:
{
  clan = {
    meta.domain = "test";
    inventory.machines.server = { };
    inventory.instances = {
      dm-dns = common.dm-dns [ ];
      chat = common.exports "endpoints" { server = [ "chat.test" ]; };
      vpn = common.exports "vpn" { server = [ { plain = "fd00::1"; } ]; };
    };
  };
}
