# A clan with Macs: machines with the setting listen answer them, if they have the role default.
{ common, lib }:
let
  mac.machineClass = "darwin";
in
{
  clan = {
    meta.domain = "test";
    inventory.machines = {
      # Its settings without effect are those of the role and of a tag.
      macbook = mac // {
        tags = [ "apple" ];
      };
      mini = mac;
      pushing = mac;
      unsuitable = mac;
      gateway = { };
      server = { };
      silent = { };
    };
    inventory.instances = {
      data-mesher = common.data-mesher [ "server" ];
      dm-dns = lib.recursiveUpdate (common.dm-dns [ "pushing" "server" ]) {
        roles.default.tags = {
          all = { };
          apple.settings.reverse = true;
        };
        roles.default.settings.port = 5354;
        roles.default.settings.search = lib.mkDefault true;
        roles.default.machines = {
          gateway.settings = {
            allow = [ "192.0.2.0/24" ];
            listen = [
              "192.0.2.1"
              "198.51.100.1"
              "203.0.113.1"
            ];
          };
          macbook.settings = {
            addresses = [ "fd00::10" ];
            names = [ "files.test" ];
          };
          server.settings = {
            allow = [ "fd00::/64" ];
            listen = [
              "fd00::1"
              "FD00:1::1"
            ];
          };
          silent.settings.listen = [ "192.0.2.3" ];
          unsuitable.settings = {
            allow = [ "192.0.2.0/24" ];
            listen = [ "192.0.2.4" ];
            port = 5355;
            reverse = true;
            search = true;
          };
        };
      };
      chat = common.exports "endpoints" { server = [ "chat.test" ]; };
      vpn = common.exports "vpn" { server = [ { plain = "fd00::1"; } ]; };
    };
  };
}
