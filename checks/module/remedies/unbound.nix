# Where unbound answers, and who else does.
{
  all,
  lib,
  machine,
  nixos,
  role,
  server,
  withoutServer,
  ...
}:
let
  allow = [
    "192.168.1.0/24"
    "fd00::/64"
  ];
  listening =
    listen:
    server {
      inherit allow listen;
    };
  atHome = listening [ "192.168.1.1" ];

  listen = message: wrong: {
    inherit message;
    mistake = listening [ wrong ];
    remedies."Use addresses that the machine has in a LAN or a VPN, such as 192.168.1.1" = atHome;
  };
  linkLocal =
    address:
    listen "${address}: it is link-local, and without its interface unbound would not start" address
    // {
      remedies = {
        "give that interface a unique local address too (fd00::/8), and use that" =
          listening [ "fd00::1" ];
        "Use addresses that the machine has in a LAN or a VPN, such as 192.168.1.1" = atHome;
      };
    };

  # Another DNS server, which listens on all addresses and, after the remedy, on one of its own.
  other =
    {
      elsewhere,
      everywhere,
      forward,
      forwarding,
    }:
    let
      and = services: nixos { inherit services; };
    in
    {
      message = "unbound and another DNS server on 'server' would listen on port 53 of the same address";
      mistake = all [
        atHome
        (and everywhere)
      ];
      remedies = {
        "Take these addresses from listen, and remove allow if none is left" = and everywhere;
        "have the other server listen on other ones" = all [
          atHome
          (and elsewhere)
        ];
        "It can answer for the clan too, if it forwards the domain: ${forward}" = and (
          lib.recursiveUpdate everywhere forwarding
        );
      };
    };
in
{
  "listen on all addresses" = listen "0.0.0.0: it stands for all addresses" "0.0.0.0";
  "listen on loopback" = listen "127.0.0.53: it is a loopback address" "127.0.0.53";
  "listen on a multicast address" = listen "224.0.0.251: it is a multicast or reserved address" "224.0.0.251";
  "listen on an IPv4 address in IPv6 notation" =
    listen "::ffff:c0a8:101: it is an IPv4 address in IPv6 notation" "::ffff:c0a8:101";
  "listen on what is not an address" = listen "1.2.3: it is not an IP address" "1.2.3";
  "listen on a link-local address" = linkLocal "fe80::1";
  "listen on a link-local address with its interface" = linkLocal "fe80::1%eth0";

  "allow what is not a network" =
    let
      allowing =
        network:
        server {
          allow = [ network ];
          listen = [ "192.168.1.1" ];
        };
    in
    {
      message = "the setting allow of 'server' has what is not a network: 192.168.1.0/99";
      mistake = allowing "192.168.1.0/99";
      remedies = {
        "Write an address" = allowing "192.168.1.7";
        "one with a prefix length of at most 32 (IPv4) or 128 (IPv6), such as 192.168.1.0/24" =
          allowing "192.168.1.0/24";
      };
    };

  "listen without allow" = {
    message = "'server' sets listen and not allow, so no device can query it";
    mistake = server { listen = [ "192.168.1.1" ]; };
    remedies = {
      "Set both settings" = atHome;
      "neither" = { };
    };
  };
  "allow without listen" = {
    message = "'server' sets allow and not listen, so no device can query it";
    mistake = server { inherit allow; };
    remedies = {
      "Set both settings" = atHome;
      "neither" = { };
    };
  };
  "listen on an address that no device may query" = {
    message = "'server' refuses all devices on addresses in its setting listen";
    mistake = server {
      allow = [ "192.168.1.0/24" ];
      listen = [
        "192.168.1.1"
        "FD00::1"
      ];
    };
    remedies = {
      "Remove them from listen" = atHome;
      "add to allow the networks from which devices ask there" = listening [
        "192.168.1.1"
        "FD00::1"
      ];
    };
  };

  "listen on another machine's address" =
    let
      gateway = addresses: machine "client" { inherit addresses; };
    in
    {
      message = "'server' listens on 192.168.1.1 for other devices (setting listen), which is an address of machine 'client'";
      mistake = all [
        atHome
        (gateway [ "192.168.1.1" ])
      ];
      remedies = {
        "Write an address of 'server' there" = all [
          (listening [ "192.168.1.4" ])
          (gateway [ "192.168.1.1" ])
        ];
        "If they take the address over from each other, make it that of a device of its own only (setting devices)" =
          all [
            atHome
            (gateway [ "192.168.1.2" ])
            (role { devices.dns.addresses = [ "192.168.1.1" ]; })
          ];
      };
    };

  "an unbound of one's own" =
    let
      resolver = nixos {
        services.unbound.enable = true;
        services.unbound.settings.server.port = 5354;
      };
    in
    {
      message = "Other modules also set, in services.unbound: enable, in option machines.server settings.server.port, in";
      mistake = resolver;
      remedies = {
        "Remove these definitions" = { };
        "take the machine out of the role default" = all [
          resolver
          withoutServer
        ];
        "The settings of that role determine where unbound listens and who may query it: listen, allow, port" =
          server
            {
              inherit allow;
              listen = [ "192.168.1.1" ];
              port = 5354;
            };
        "Names belong in its settings names, addresses and devices" = server {
          addresses = [ "192.168.1.10" ];
          devices.printer.addresses = [ "192.168.1.20" ];
          names = [ "git.test" ];
        };
      };
    };

  "dnsmasq beside unbound" = other {
    everywhere.dnsmasq.enable = true;
    elsewhere.dnsmasq = {
      enable = true;
      settings.listen-address = "10.0.0.1";
    };
    forward = ''services.dnsmasq.settings.server = [ "/test/127.0.0.1#5353" ]'';
    forwarding.dnsmasq.settings.server = [ "/test/127.0.0.1#5353" ];
  };
  "blocky beside unbound" = other {
    everywhere.blocky.enable = true;
    elsewhere.blocky = {
      enable = true;
      settings.ports.dns = "10.0.0.1:53";
    };
    forward = ''services.blocky.settings.conditional.mapping."test" = "127.0.0.1:5353"'';
    forwarding.blocky.settings.conditional.mapping.test = "127.0.0.1:5353";
  };
  "AdGuard Home beside unbound" = other {
    everywhere.adguardhome = {
      enable = true;
      settings = { };
    };
    elsewhere.adguardhome = {
      enable = true;
      settings.dns.bind_hosts = [ "10.0.0.1" ];
    };
    forward = ''services.adguardhome.settings.dns.upstream_dns = [ "[/test/]127.0.0.1:5353" ]'';
    forwarding.adguardhome.settings.dns.upstream_dns = [ "[/test/]127.0.0.1:5353" ];
  };
  "resolved beside unbound" = other {
    everywhere.resolved.settings.Resolve.DNSStubListenerExtra = "192.168.1.1";
    elsewhere.resolved.settings.Resolve.DNSStubListenerExtra = "10.0.0.1";
    forward = "services.resolved: it resolves the clan's names already, and all others";
    forwarding = { };
  };
  "dnsmasq beside unbound, where others have names" =
    let
      dnsmasq =
        settings:
        all [
          { meta.domain = "example.org"; }
          (role { wholeDomain = false; })
          (nixos {
            services.dnsmasq.enable = true;
            services.dnsmasq.settings = settings;
          })
        ];
      forward = ''services.dnsmasq.settings.server = [ "/example.org/127.0.0.53" ]'';
    in
    {
      message = "unbound and another DNS server on 'server' would listen on port 53 of the same address";
      mistake = all [
        atHome
        (dnsmasq { })
      ];
      remedies = {
        "Take these addresses from listen, and remove allow if none is left" = dnsmasq { };
        "have the other server listen on other ones" = all [
          atHome
          (dnsmasq { listen-address = "10.0.0.1"; })
        ];
        "It can answer for the clan too, if it forwards the domain: ${forward}" =
          dnsmasq { server = [ "/example.org/127.0.0.53" ]; };
        "It must not be in networking.nameservers then: each would ask the other" =
          "what not to do, of which there is nothing in the mistake";
      };
    };
}
