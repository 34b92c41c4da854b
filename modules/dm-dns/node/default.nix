# Role default: unbound serves the zone, resolved asks it, and dm-dns keeps the zone up to date.
{
  machine,
  settings,
  zone,
}:
{
  config,
  lib,
  options,
  pkgs,
  ...
}:
let
  inherit (lib)
    attrNames
    concatStringsSep
    filter
    mkDefault
    optional
    ;
  inherit (settings) port;
  inherit (zone) domain;

  systemdVersion = config.systemd.package.version;
  package = pkgs.callPackage ../../../python/package.nix { };
  zoneConf = config.clan.core.vars.generators.dm-dns.files."zone.conf";
  meshDirectory = "/var/lib/data-mesher/files/home/dns";
  state = "/var/lib/dm-dns";
  control = "/run/unbound/unbound.ctl";

  server = {
    interface = [ "127.0.0.1" ] ++ map (address: "${address}@53") settings.listen;
    access-control = [ "127.0.0.0/8 allow" ] ++ map (network: "${network} allow") settings.allow;
    inherit port;
    # No validator: the zone is not signed, and there is nothing else to validate.
    module-config = ''"iterator"'';
    # `transparent` leaves the clan's names to the auth-zone; all others are refused at once.
    local-zone = [
      ''"${domain}." transparent''
      ''"." refuse''
    ];
  };
  auth-zone = [
    {
      name = ''"${domain}."'';
      zonefile = ''"${state}/${domain}.zone"'';
      for-downstream = true;
      for-upstream = true;
      fallback-enabled = false;
    }
  ];

  # What other modules made of this: unbound would serve something else, or ask others for names of
  # the clan. `enable` alone counts too, because a plain unbound resolves every name.
  unbound = config.services.unbound.settings;
  foreign =
    optional (options.services.unbound.enable.definitions != [ true ]) "enable"
    ++ map (name: "settings.server.${name}") (
      filter (name: (unbound.server.${name} or null) != server.${name}) (attrNames server)
    )
    ++ optional ((unbound.auth-zone or null) != auth-zone) "settings.auth-zone"
    ++ map (name: "settings.${name}") (
      filter (name: unbound ? ${name}) [
        "forward-zone"
        "stub-zone"
      ]
    );

  delegate = pkgs.writeText "dm-dns.dns-delegate" ''
    [Delegate]
    DNS=127.0.0.1:${toString port}
    Domains=~${domain}
    DefaultRoute=no
  '';
  applyConfig = pkgs.writeText "dm-dns-apply.json" (
    builtins.toJSON {
      inherit domain state;
      mesh = "${meshDirectory}/cnames";
      # Not before the first `clan vars generate`; then there is nothing to deploy either.
      deployed = if zoneConf.exists then zoneConf.path else null;
      hosts = "/etc/hosts";
      unbound = {
        inherit control port;
        address = "127.0.0.1";
      };
    }
  );
in
{
  imports = [
    (lib.modules.importApply ./units.nix {
      inherit
        applyConfig
        meshDirectory
        package
        ;
    })
    (lib.modules.importApply ./virtual-hosts.nix {
      hosts = map (endpoint: endpoint.host) (zone.endpointsByMachine.${machine.name} or [ ]);
    })
  ];

  assertions = [
    {
      assertion = lib.versionAtLeast systemdVersion "258";
      message = ''
        dm-dns: DNS delegates need systemd 258; '${machine.name}' has ${systemdVersion}.
        Use nixpkgs 25.11 or newer.
      '';
    }
    {
      assertion = foreign == [ ];
      message = ''
        dm-dns: unbound on '${machine.name}' serves the clan's names and nothing else.
        Other modules also set, in services.unbound: ${concatStringsSep ", " foreign}.
        Remove that, or take the machine out of the role default. Where unbound listens and who may
        ask it are settings of that role: listen, allow, port.
      '';
    }
    {
      assertion = (settings.listen == [ ]) == (settings.allow == [ ]);
      message = ''
        dm-dns: of the settings listen and allow of '${machine.name}' only one is set; without the
        other nobody can ask. Set both, or neither.
      '';
    }
  ];

  clan.core.vars.generators.dm-dns = {
    share = true;
    files."zone.conf".secret = false;
    # Made anew exactly when this changes. The key has the name that it has in clan-core's dm-dns.
    validation.zoneContent = zone.specJSON;
    runtimeInputs = [ package ];
    script = ''
      dm-dns render ${pkgs.writeText "dm-dns-zone-spec.json" zone.specJSON} -o "$out/zone.conf"
    '';
  };

  environment.systemPackages = [ package ];
  environment.etc."dm-dns/apply.json".source = applyConfig;

  services.unbound = {
    enable = true;
    enableRootTrustAnchor = false;
    localControlSocketPath = control;
    # Else it becomes the machine's resolver for all domains.
    resolveLocalQueries = false;
    settings = {
      server = server // {
        port = mkDefault server.port;
        module-config = mkDefault server.module-config;
      };
      inherit auth-zone;
    };
  };

  # A delegate and not the global DNS=: resolved switches between global servers as it likes.
  services.resolved.enable = true;
  # The default in containers, where it excludes resolved.
  networking.useHostResolvConf = false;
  environment.etc."systemd/dns-delegate.d/dm-dns.dns-delegate".source = delegate;
  systemd.services.systemd-resolved.reloadTriggers = [ delegate ];

  services.data-mesher.pluginDirectories = [ "dns" ];
}
