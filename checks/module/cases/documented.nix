# The examples of settings in modules/dm-dns/README.md, which a test compares with these.
{ common, lib }:
{
  keys = [
    "assertions"
    "clan.core.vars.generators.dm-dns"
    "warnings"
  ];
  clan = {
    meta.domain = "clan.lol";
    inventory.machines = {
      kiwi = { };
      server = { };
    };
    inventory.instances.data-mesher = common.data-mesher [ "server" ];
    inventory.instances.vpn = common.exports "vpn" {
      server = [ { plain = "fd35:f254:ab26:d7ec::1"; } ];
    };
    inventory.instances.dm-dns = lib.recursiveUpdate (common.dm-dns [ ]) {
      roles.default.settings.devices = {
        printer.addresses = [ "192.168.1.20" ];
        nas = {
          addresses = [
            "192.168.1.30"
            "fd35:f254:ab26:d7ec::30"
          ];
          names = [
            "files.clan.lol"
            "*.nas.clan.lol"
          ];
        };
      };
      roles.default.settings.search = true;
      roles.default.settings.wholeDomain = false;
      roles.default.settings.reverse = true;
      roles.default.machines.server.settings.names = [ "git.clan.lol" ];
      roles.default.machines.server.settings = {
        listen = [
          "fd35:f254:ab26:d7ec::1"
          "192.168.1.10"
        ];
        allow = [
          "fd35:f254:ab26:d7ec::/64"
          "192.168.1.0/24"
        ];
      };
      roles.push.tags = [ "nixos" ];
    };
  };
}
