# A clan whose machines have nginx and caddy, each with a site of the clan, a public one and one that is
# both, and addresses in a VPN that is not up when they boot: IPv4 or IPv6 only, and both.
{
  # where the inventory finds dm-dns
  module,
}:
{ lib, ... }:
let
  vpn = {
    both = [
      "10.9.0.1"
      "fd09::1"
    ];
    four = [ "10.9.0.2" ];
    six = [ "fd09::3" ];
  };
in
{
  meta.domain = "test";
  meta.name = "dm-dns";
  inventory.machines = lib.mapAttrs (_machine: _addresses: { }) vpn;
  inventory.instances = {
    data-mesher = {
      module.name = "data-mesher";
      roles.default.tags = [ "all" ];
      roles.bootstrap.machines.both = { };
    };
    dm-dns = {
      inherit module;
      roles.default.settings.search = true;
      roles.default.machines = lib.mapAttrs (machine: addresses: {
        settings = {
          inherit addresses;
          names = [
            "caddy-${machine}.test"
            "mixed-caddy-${machine}.test"
            "mixed-nginx-${machine}.test"
            "nginx-${machine}.test"
            "${machine}.test"
          ];
        };
      }) vpn;
      roles.push.machines.both.settings.automatic = false;
    };
  };

  machines = lib.mapAttrs (machine: addresses: {
    clan.core.networking.internalListenAddresses = addresses;
    networking.enableIPv6 = machine != "four";
    # The module leaves that to the machine's owner.
    networking.firewall.allowedTCPPorts = [
      80
      8080
    ];
    services.nginx = {
      enable = true;
      # By default it listens on a wildcard for these, and then on nothing else.
      defaultListenAddresses = lib.mkIf (machine == "both") [ "192.168.1.1" ];
      virtualHosts = {
        "${machine}.test".extraConfig = ''return 200 "own";'';
        # The short name of the next one: as `globalRedirect` does.
        "nginx-${machine}".extraConfig = "return 301 http://nginx-${machine}.test$request_uri;";
        nginx = {
          serverName = "nginx-${machine}.test";
          extraConfig = ''return 200 "nginx";'';
        };
        "www.example.net" = {
          serverAliases = [ "mixed-nginx-${machine}.test" ];
          extraConfig = ''return 200 "mixed-nginx";'';
        };
        "www.example.org".extraConfig = ''return 200 "public";'';
      };
    };
    services.caddy = {
      enable = true;
      virtualHosts = {
        "http://caddy-${machine}.test:8080".extraConfig = ''respond "caddy"'';
        "http://www.example.net:8080" = {
          serverAliases = [ "http://mixed-caddy-${machine}.test:8080" ];
          extraConfig = ''respond "mixed-caddy"'';
        };
        "http://www.example.org:8080".extraConfig = ''respond "public"'';
      };
    };
  }) vpn;
}
