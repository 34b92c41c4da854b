# Listen addresses: of virtual hosts, with those of the clan's network, and of unbound, for a LAN.
{ common, lib }:
{
  machines = [ "server" ];
  keys = [
    "assertions"
    "environment.etc"
    "services"
  ];
  clan = {
    meta.domain = "test";
    inventory.machines = {
      client = { };
      server = { };
    };
    inventory.instances = {
      dm-dns = lib.recursiveUpdate (common.dm-dns [ ]) {
        roles.default.machines.server.settings = {
          allow = [
            "192.0.2.0/24"
            "2001:db8::/64"
          ];
          listen = [
            "192.0.2.1"
            "2001:db8::1"
          ];
          names = [ "git.test" ];
          port = 5354;
        };
      };
      chat = common.exports "endpoints" {
        client = [ "client-only.test" ];
        server = [
          "chat.test"
          "merged.test"
          "off.test"
          "set.test"
          "unused.test"
          "www.example.org"
        ];
      };
    };
    machines.server = {
      clan.core.networking.internalListenAddresses = [
        "fd00::1"
        "10.0.0.1"
        ""
      ];
      services.caddy.virtualHosts."git.test" = { };
      services.nginx.virtualHosts = {
        "chat.test" = { };
        "client-only.test" = { };
        "merged.test" = lib.mkMerge [
          (lib.mkIf false { listenAddresses = [ "192.0.2.9" ]; })
          (lib.mkIf true { })
        ];
        # Switched off, as a service does with an option.
        "off.test" = lib.mkIf false { listenAddresses = [ "192.0.2.9" ]; };
        "set.test".listenAddresses = [ "0.0.0.0" ];
        "www.example.org" = { };
      };
    };
  };
}
