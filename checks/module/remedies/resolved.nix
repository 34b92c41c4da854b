# What a machine configures otherwise than systemd-resolved needs it.
{
  all,
  lib,
  nixos,
  role,
  server,
  withoutServer,
  ...
}:
let
  stub = "/run/systemd/resolve/stub-resolv.conf";

  # What NixOS sets for systemd-resolved.
  usual = nixos {
    environment.etc."resolv.conf".source = lib.mkDefault stub;
    networking.networkmanager.dns = lib.mkDefault "systemd-resolved";
  };
  conflict = message: config: {
    inherit message;
    mistake = all [
      usual
      (nixos config)
    ];
    remedies = {
      "Remove your definitions of them" = usual;
      "take the machine out of the role default" = all [
        withoutServer
        (nixos config)
      ];
      "DNS servers for other names belong in networking.nameservers" =
        "where to write what the removed definitions were for";
    };
  };
in
{
  "a container with its host's resolv.conf" = conflict "networking.useHostResolvConf must be false" {
    networking.useHostResolvConf = true;
  };
  "NetworkManager's DNS servers" =
    conflict "networking.networkmanager.dns must be \"systemd-resolved\""
      {
        networking.networkmanager.enable = true;
        networking.networkmanager.dns = "none";
      };
  "resolvconf" = conflict "networking.resolvconf.enable must be false" {
    networking.resolvconf.enable = lib.mkForce true;
  };
  "another resolv.conf" = conflict "environment.etc.\"resolv.conf\".source must be \"${stub}\"" {
    environment.etc."resolv.conf".source = "/etc/resolv.static";
  };
  "no stub of resolved" =
    conflict "services.resolved.settings.Resolve.DNSStubListener must be true"
      {
        services.resolved.settings.Resolve.DNSStubListener = "no";
      };

  "resolved turned off" = {
    message = "services.resolved.enable is false";
    mistake = nixos { services.resolved.enable = false; };
    remedies = {
      "Remove that" = { };
      "take the machine out of the role default" = all [
        withoutServer
        (nixos { services.resolved.enable = false; })
      ];
    };
  };

  "an old systemd" =
    let
      systemd =
        version:
        nixos (
          { pkgs, ... }:
          {
            systemd.package = pkgs.systemd // {
              inherit version;
            };
          }
        );
    in
    {
      message = "hooks of systemd-resolved need systemd 259; 'server' has 257.9";
      mistake = systemd "257.9";
      remedies."Use nixpkgs 26.05 or newer" = systemd "260";
    };

  "a search domain" = {
    message = "networking.search on 'server' has the clan's domain";
    mistake = nixos { networking.search = [ "test" ]; };
    remedies = {
      "Remove it, and set roles.default.settings.search of dm-dns" = role { search = true; };
      "roles.default.machines.server.settings.search, to true" = server { search = true; };
    };
  };

  "addresses without reverse names" =
    let
      reverse =
        addresses:
        server {
          inherit addresses;
          reverse = true;
        };
    in
    {
      message = "the setting reverse of 'server' has no effect";
      mistake = reverse [ "203.0.113.1" ];
      remedies = {
        "Remove it" = server { addresses = [ "203.0.113.1" ]; };
        "set such addresses: roles.default.machines.<machine>.settings.addresses of dm-dns" =
          reverse [ "10.0.0.1" ];
      };
    };

  "a domain of mDNS" = {
    message = "the clan's domain, local, is one that RFC 6762 reserves for multicast DNS (mDNS)";
    mistake.meta.domain = "local";
    remedies."Set another meta.domain, such as a subdomain of a domain that you own".meta.domain =
      "clan.example.org";
  };
}
