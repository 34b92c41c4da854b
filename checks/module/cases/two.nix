# Two machines, a service on one of them.
{ common, ... }:
{
  clan = {
    meta.domain = "test";
    inventory.machines = {
      client = { };
      server = { };
    };
    inventory.instances = {
      data-mesher = common.data-mesher [ "server" ];
      dm-dns = common.dm-dns [ "server" ];
      chat = common.exports "endpoints" { server = [ "chat.test" ]; };
      vpn = common.exports "vpn" { server = [ { plain = "fd00::1"; } ]; };
    };
  };
}
