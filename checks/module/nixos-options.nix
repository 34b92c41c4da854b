# The options of NixOS that the module, and what it needs of clan-core, set, with the types they
# have there. Nothing here makes units or files. An option that is missing here fails the
# evaluation, as a misspelt one does in NixOS.
{
  config,
  lib,
  pkgs,
  ...
}:
let
  inherit (lib) mkOption types;

  option = type: default: mkOption { inherit type default; };
  bool = option types.bool false;
  text = option types.str "";
  texts = option (types.listOf types.str) [ ];
  set = type: option (types.attrsOf type) { };
  submodule = options: types.submodule { inherit options; };
  number = option (types.nullOr types.int) null;
  ports = option (types.listOf types.port) [ ];

  # in systemd's files: a value, or several
  setting =
    let
      one = types.oneOf [
        types.bool
        types.int
        types.float
        types.path
        types.str
      ];
    in
    types.either one (types.listOf one);

  unit = {
    description = text;
    requires = texts;
    wants = texts;
    after = texts;
    before = texts;
    bindsTo = texts;
    partOf = texts;
    conflicts = texts;
    onFailure = texts;
    onSuccess = texts;
    wantedBy = texts;
    requiredBy = texts;
    unitConfig = set setting;
    startLimitBurst = number;
    startLimitIntervalSec = number;
    restartTriggers = option (types.listOf types.unspecified) [ ];
    reloadTriggers = option (types.listOf types.unspecified) [ ];
  };
  service = unit // {
    environment = set types.str;
    path = option (types.listOf types.package) [ ];
    script = option types.lines "";
    serviceConfig = set setting;
    restartIfChanged = option types.bool true;
    reloadIfChanged = bool;
    stopIfChanged = option types.bool true;
  };

  etcFile = {
    text = option (types.nullOr types.lines) null;
    source = option (types.nullOr types.path) null;
  };

  unboundSetting =
    let
      one = types.oneOf [
        types.bool
        types.float
        types.int
        types.str
      ];
      clause = types.attrsOf (types.either one (types.listOf one));
    in
    types.either clause (types.listOf clause);

  # What the virtual hosts of nginx and caddy have in common.
  virtualHost = {
    extraConfig = option types.lines "";
    listenAddresses = texts;
    serverAliases = texts;
  };
  nginxVirtualHost = submodule (
    virtualHost
    // {
      listen = option (types.listOf types.raw) [ ];
      root = option (types.nullOr types.path) null;
      serverName = option (types.nullOr types.str) null;
    }
  );
  acmeCertificate = types.submodule (
    { name, ... }:
    {
      options = {
        dnsPropagationCheck = option types.bool true;
        dnsProvider = option (types.nullOr types.str) null;
        dnsResolver = option (types.nullOr types.str) config.security.acme.defaults.dnsResolver;
        domain = option types.str name;
        extraDomainNames = texts;
        extraLegoFlags = texts;
        server = option (types.nullOr types.str) null;
      };
    }
  );
  caddyVirtualHost = types.submodule (
    { name, ... }:
    {
      options = virtualHost // {
        hostName = option types.str name;
      };
    }
  );
in
{
  options = {
    assertions = option (types.listOf types.unspecified) [ ];
    warnings = texts;

    boot.kernel.sysctl = set (
      types.oneOf [
        types.bool
        types.int
        types.str
      ]
    );

    environment = {
      etc = set (submodule etcFile);
      systemPackages = option (types.listOf types.package) [ ];
    };

    networking = {
      domain = option (types.nullOr types.str) null;
      enableIPv6 = option types.bool true;
      extraHosts = option types.lines "";
      fqdn = text;
      hostName = text;
      hosts = set (types.listOf types.str);
      firewall = option (types.submodule {
        freeformType = types.attrsOf types.raw;
        options.allowedTCPPorts = ports;
        options.allowedUDPPorts = ports;
      }) { };
      interfaces = set (submodule {
        ipv6.addresses = option (types.listOf (submodule {
          address = text;
          prefixLength = mkOption { type = types.int; };
        })) [ ];
      });
      networkmanager.dns = option types.str "default";
      networkmanager.enable = bool;
      resolvconf.enable = bool;
      search = texts;
      useHostResolvConf = bool;
    };

    security.allowUserNamespaces = option types.bool true;
    security.acme.certs = set acmeCertificate;
    security.acme.defaults.dnsResolver = option (types.nullOr types.str) null;

    services = {
      adguardhome.enable = bool;
      adguardhome.settings = option (types.nullOr (types.attrsOf types.anything)) null;
      avahi.enable = bool;
      blocky.enable = bool;
      blocky.settings = set types.anything;
      caddy.enable = bool;
      caddy.globalConfig = option types.lines "";
      caddy.virtualHosts = set caddyVirtualHost;
      data-mesher = {
        enable = bool;
        group = option types.str "data-mesher";
        openFirewall = bool;
        package = option types.package pkgs.data-mesher;
        pluginDirectories = texts;
        settings = set types.anything;
        user = option types.str "data-mesher";
      };
      dnsmasq.enable = bool;
      dnsmasq.settings = set types.anything;
      nginx.enable = bool;
      nginx.defaultListenAddresses = option (types.listOf types.str) (
        [ "0.0.0.0" ] ++ lib.optional config.networking.enableIPv6 "[::0]"
      );
      nginx.virtualHosts = option (types.attrsOf nginxVirtualHost) { localhost = { }; };
      prometheus.exporters.node.extraFlags = texts;
      resolved.enable = bool;
      resolved.settings = set types.anything;
      unbound = {
        enable = bool;
        enableRootTrustAnchor = option types.bool true;
        group = option types.str "unbound";
        localControlSocketPath = option (types.nullOr types.str) null;
        resolveLocalQueries = option types.bool true;
        settings = option (types.submodule {
          freeformType = types.attrsOf unboundSetting;
        }) { };
      };
    };

    systemd = {
      package = option types.package pkgs.systemd;
      paths = set (submodule (unit // { pathConfig = set setting; }));
      services = set (submodule service);
      sockets = set (submodule (unit // { listenDatagrams = texts; listenStreams = texts; socketConfig = set setting; }));
      timers = set (submodule (unit // { timerConfig = set setting; }));
      network = set types.raw;
      tmpfiles.rules = texts;
    };

    users = {
      groups = set (submodule { members = texts; });
      users = set (submodule {
        description = text;
        extraGroups = texts;
        group = text;
        isSystemUser = bool;
      });
    };

    # clan-core defines these; no case looks at them.
    clan.core.enableRecommendedDefaults = bool;
    networking.useNetworkd = bool;
    sops = set types.raw;
    system.activationScripts = set types.raw;
  };

  config.boot.kernel.sysctl = lib.mkIf (!config.networking.enableIPv6) {
    "net.ipv6.conf.all.disable_ipv6" = lib.mkDefault true;
    "net.ipv6.conf.default.disable_ipv6" = lib.mkDefault true;
  };

  # What NixOS' own module says; dm-dns has to win against it.
  config.systemd.services.unbound.serviceConfig.RestartSec = lib.mkIf config.services.unbound.enable "5s";
  config.services.unbound.settings.server = {
    interface = lib.mkDefault [
      "127.0.0.1"
      "::1"
    ];
    access-control = lib.mkDefault [
      "127.0.0.0/8 allow"
      "::1/128 allow"
    ];
  };
}
