# A machine with both roles whose configuration has a dm-dns of its own, and metrics.
{ common, ... }:
{
  clan = {
    meta.domain = "test";
    inventory.machines.server = { };
    inventory.instances = {
      data-mesher = common.data-mesher [ "server" ];
      dm-dns = common.dm-dns [ "server" ];
      chat = common.exports "endpoints" { server = [ "chat.test" ]; };
      vpn = common.exports "vpn" { server = [ { plain = "fd00::1"; } ]; };
    };
    machines.server =
      { pkgs, ... }:
      {
        services.dm-dns.metrics = true;
        services.dm-dns.package = pkgs.python3Packages.buildPythonApplication {
          pname = "dm-dns-patched";
          meta = { };
        };
      };
  };
}
