# unbound: serves the clan's zone, and nothing else.
{
  constants,
  domain,
  machine,
  settings,
}:
{
  config,
  lib,
  options,
  ...
}:
let
  inherit (lib)
    concatMapStringsSep
    concatStringsSep
    filter
    mkDefault
    mkIf
    optional
    optionals
    toLower
    ;
  inherit (import ../ip.nix { inherit lib; }) isNetwork listenProblem unanswered;
  inherit (constants) privileged;

  hasIPv6 = config.networking.enableIPv6;

  server = {
    interface = [
      constants.address
    ]
    ++ optional hasIPv6 "${privileged.address}@${toString privileged.port}"
    ++ map (address: "${address}@53") settings.listen;
    access-control = [
      "127.0.0.0/8 allow"
    ]
    ++ optional hasIPv6 "${privileged.address} allow"
    ++ map (network: "${network} allow") settings.allow;
    inherit (settings) port;
    # Otherwise one address that the machine does not have yet, such as that of a VPN at boot, would
    # stop unbound from starting, and no name would resolve. As NixOS has it by default.
    ip-freebind = true;
    # See below. It logs an error for the control socket, which it makes itself.
    use-systemd = isHeld;
    # No validator: the zone is not signed, and unbound resolves nothing else.
    module-config = ''"iterator"'';
    # `transparent` leaves the clan's names to the auth-zone; all others are refused immediately, also
    # those that unbound would answer by itself (unbound.conf(5), local-zone): whoever is refused
    # asks its next server.
    local-zone = [
      ''"${domain}." transparent''
      ''"." refuse''
    ]
    ++ map (name: ''"${name}." refuse'') (filter (name: name != domain) ownNames);
    unblock-lan-zones = true;
    # It is nobody's business which machine and which version answers.
    hide-identity = true;
    hide-version = true;
  };
  ownNames = [
    "127.in-addr.arpa"
    "home.arpa"
    "invalid"
    "localhost"
    "onion"
    "test"
  ];
  auth-zone = [
    {
      name = ''"${domain}."'';
      zonefile = ''"${constants.stateDirectory}/${domain}.zone"'';
      for-downstream = true;
      for-upstream = true;
      fallback-enabled = false;
    }
  ];

  # unbound takes the first socket of systemd's of an address family for all of its addresses, so
  # systemd can hold them only where it has one.
  isHeld = settings.listen == [ ];
  # A switch does not change sockets, and unbound would answer at the port that systemd has. So the one
  # for another port is another unit, which stops and starts with the switch.
  held =
    if settings.port == constants.defaultPort then "unbound" else "unbound-${toString settings.port}";
  sockets = [
    "${constants.address}:${toString settings.port}"
  ]
  ++ optional hasIPv6 "[${privileged.address}]:${toString privileged.port}";

  foreign =
    import ./foreign.nix
      {
        inherit (constants) controlSocket;
        inherit auth-zone lib server;
        file = toString ./unbound.nix;
      }
      { inherit config options; };

  # unbound would not start, or answer nobody.
  badListen = filter (address: listenProblem (toLower address) != null) settings.listen;
  refused = optionals (settings.allow != [ ] && badListen == [ ] && badAllow == [ ]) (unanswered {
    inherit (settings) allow listen;
  });
  badAllow = filter (network: !isNetwork (toLower network)) settings.allow;
in
{
  assertions = [
    {
      assertion = badListen == [ ];
      message = ''
        dm-dns: '${machine.name}' cannot answer other devices on an address in its setting listen:
        ${
          concatMapStringsSep "\n" (address: "  ${address}: ${listenProblem (toLower address)}") badListen
        }
        Use addresses that the machine has in a LAN or a VPN, such as 192.168.1.1.
      '';
    }
    {
      assertion = badAllow == [ ];
      message = ''
        dm-dns: the setting allow of '${machine.name}' has what is not a network:
        ${concatStringsSep ", " badAllow}.
        Write an address, or one with a prefix length of at most 32 (IPv4) or 128 (IPv6), such as
        192.168.1.0/24.
      '';
    }
    {
      assertion = foreign == [ ];
      message = ''
        dm-dns: unbound on '${machine.name}' must serve the clan's names and nothing else.
        Other modules also set, in services.unbound:
        ${concatStringsSep "\n" foreign}
        Remove these definitions, or take the machine out of the role default. The settings of that
        role determine where unbound listens and who may query it: listen, allow, port. Names belong
        in its settings names, addresses and devices.
      '';
    }
    {
      assertion = (settings.listen == [ ]) == (settings.allow == [ ]);
      message = ''
        dm-dns: '${machine.name}' sets ${
          if settings.allow == [ ] then "listen and not allow" else "allow and not listen"
        }, so no device can query it.
        Set both settings, or neither.
      '';
    }
    {
      assertion = refused == [ ];
      message = ''
        dm-dns: '${machine.name}' refuses all devices on addresses in its setting listen, because its
        setting allow has no network with addresses of that kind (IPv4 or IPv6):
        ${concatStringsSep ", " refused}.
        Remove them from listen, or add to allow the networks from which devices ask there.
      '';
    }
  ];

  # systemd holds the sockets: queries wait while unbound is away. Otherwise resolved's mDNS socket,
  # which has the same port, would take them and answer nothing.
  systemd.sockets.${held} = mkIf isHeld (
    (import ./early.nix).socket
    // {
      description = "Queries to unbound";
      listenStreams = sockets;
      listenDatagrams = sockets;
      socketConfig = {
        Service = "unbound.service";
        # Where somebody has taken IPv6 from lo, the address is missing.
        FreeBind = true;
        # More than 1000 queries.
        ReceiveBuffer = "1M";
        # However often unbound ends: the next query may find that it starts.
        TriggerLimitIntervalSec = 0;
      };
    }
  );
  # A socket can be started only while the service is not running: a restart of that does both.
  systemd.services.unbound = mkIf isHeld {
    wants = [ "${held}.socket" ];
    after = lib.mkForce [ "${held}.socket" ];
  };

  services.unbound = {
    enable = true;
    # Weaker than what people write: then the assertion above says what is wrong.
    enableRootTrustAnchor = lib.mkOverride 900 false;
    localControlSocketPath = lib.mkOverride 900 constants.controlSocket;
    # Otherwise unbound becomes the machine's resolver for all domains.
    resolveLocalQueries = lib.mkOverride 900 false;
    settings = {
      server = server // {
        ip-freebind = mkDefault server.ip-freebind;
        port = mkDefault server.port;
        module-config = mkDefault server.module-config;
      };
      inherit auth-zone;
    };
  };
}
