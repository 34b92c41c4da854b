# Two networks of the clan, one that leads outside, addresses of no use, and vars that are not generated.
{ common, lib }:
let
  var = machine: {
    var = {
      inherit machine;
      file = "address";
      flake = ../clan;
      generator = "vpn";
    };
  };
in
{
  machines = [ "server" ];
  keys = [ "clan.core.vars.generators.dm-dns" ];
  clan = {
    meta.domain = "test";
    inventory.machines = {
      client = { };
      new = { };
      newer = { };
      server = { };
    };
    inventory.instances = {
      dm-dns = lib.recursiveUpdate (common.dm-dns [ ]) {
        roles.default.machines = {
          client.settings.networks = [ "second" ];
          server.settings.addresses = [ "192.0.2.1" ];
        };
      };
      first = common.exports "vpn" {
        client = [ { plain = "fd01::1"; } ];
        new = [ (var "new") ];
        newer = [ (var "newer") ];
        server = [
          (var "server")
          { plain = "host.example.org"; }
          { plain = "fe80::1"; }
          { plain = "169.254.1.1"; }
        ];
      };
      second = common.exports "vpn" {
        client = [ { plain = "FD02::1"; } ];
        server = [ { plain = "10.2.0.2"; } ];
      };
      internet = common.exports "internet" { server = [ { plain = "198.51.100.1"; } ]; };
      chat = common.exports "endpoints" {
        new = [ "pending.test" ];
        newer = [ "pending.test" ];
        server = [ "chat.test" ];
      };
    };
  };
}
