# What a snapshot has of an evaluated clan: of each machine, an entry for each unit, file, user,
# package, generator and service that was configured, and what dm-dns exports.
{
  # Write what throws as { throws = null; }: Nix does not tell the message. Without, it throws.
  guard,
  lib,
  # Take the size and hash of the zone spec only.
  summary,
}:
let
  inherit (lib)
    attrNames
    filter
    filterAttrs
    hasPrefix
    mapAttrs
    mapAttrs'
    nameValuePair
    optionalAttrs
    ;

  # A path in a snapshot must not tell where the sources lie.
  root = toString ../..;

  plain =
    value:
    if lib.isDerivation value then
      value.outPath
    else if builtins.isAttrs value then
      mapAttrs (_name: plain) value
    else if builtins.isList value then
      map plain value
    else if builtins.isString value then
      builtins.replaceStrings [ root ] [ "/source" ] value
    else
      value;

  guarded =
    value:
    let
      tried = builtins.tryEval (builtins.deepSeq (plain value) (plain value));
    in
    if !guard then
      plain value
    else if tried.success then
      tried.value
    else
      { throws = null; };

  # without what is as it is when nobody says anything
  said =
    defaults:
    filterAttrs (
      name: value:
      if defaults ? ${name} then
        value != defaults.${name}
      else
        !builtins.elem value [
          null
          false
          ""
          [ ]
          { }
        ]
    );
  unit = said {
    restartIfChanged = true;
    stopIfChanged = true;
  };
  something = said { };

  entries =
    path: plainly: values:
    mapAttrs' (name: value: nameValuePair "${path}.${name}" (plainly value)) values;

  file =
    values:
    something values
    // optionalAttrs ((values.source or null) ? text) {
      inherit (values.source) text;
    };
  # What is not as its name says.
  virtualHosts =
    service:
    mapAttrs (host: values: removeAttrs (something values) (
      lib.optional ((values.hostName or null) == host) "hostName"
    )) service.virtualHosts;
  package = values: optionalAttrs (values ? text) { inherit (values) runtimeInputs text; };
  spec =
    text:
    let
      values = builtins.fromJSON text;
    in
    if summary then
      {
        endpoints = builtins.length values.endpoints;
        machines = builtins.length (lib.attrNames values.machines);
        sha256 = builtins.hashString "sha256" text;
      }
    else
      values;
  generator =
    values:
    {
      inherit (values) runtimeInputs script share;
      files = mapAttrs (_name: file: { inherit (file) deploy secret; }) values.files;
    }
    // optionalAttrs (values.validation != null) {
      validation = mapAttrs (_name: spec) values.validation;
    };

  failing =
    config:
    map (assertion: assertion.message) (filter (assertion: !assertion.assertion) config.assertions);

  ofDmDns = filterAttrs (name: _value: hasPrefix "dm-dns" name);
in
{
  machine =
    config:
    mapAttrs (_key: guarded) (
      {
        assertions = failing config;
        inherit (config) warnings;
        "boot.kernel.sysctl" = config.boot.kernel.sysctl;
        "networking.enableIPv6" = config.networking.enableIPv6;
        "networking.useHostResolvConf" = config.networking.useHostResolvConf;
        "services.caddy.enable" = config.services.caddy.enable;
        "services.caddy.virtualHosts" = virtualHosts config.services.caddy;
        "services.data-mesher.pluginDirectories" = config.services.data-mesher.pluginDirectories;
        "services.data-mesher.settings.cluster.push_pull_interval" =
          config.services.data-mesher.settings.cluster.push_pull_interval or null;
        "services.prometheus.exporters.node.extraFlags" =
          config.services.prometheus.exporters.node.extraFlags;
        "services.data-mesher.settings.network.files" =
          config.services.data-mesher.settings.network.files or null;
        "services.nginx.defaultListenAddresses" = config.services.nginx.defaultListenAddresses;
        "services.nginx.enable" = config.services.nginx.enable;
        "services.nginx.virtualHosts" = virtualHosts config.services.nginx;
        "services.resolved" = lib.filterAttrs (_option: value: value != { }) config.services.resolved;
        "services.unbound" = config.services.unbound;
      }
      // entries "clan.core.vars.generators" generator (ofDmDns config.clan.core.vars.generators)
      // entries "environment.etc" file config.environment.etc
      // entries "environment.systemPackages" package (
        lib.listToAttrs (
          map (value: nameValuePair value.name value) config.environment.systemPackages
        )
      )
      // entries "systemd.paths" unit config.systemd.paths
      // entries "systemd.services" unit config.systemd.services
      // entries "systemd.sockets" unit config.systemd.sockets
      // entries "systemd.timers" unit config.systemd.timers
      // entries "users.groups" something config.users.groups
      // entries "users.users" something config.users.users
    );

  mac =
    config:
    mapAttrs (_key: guarded) (
      {
        assertions = failing config;
        inherit (config) warnings;
      }
      // entries "clan.core.vars.generators" generator (ofDmDns config.clan.core.vars.generators)
      // entries "environment.etc" file config.environment.etc
      // entries "system.activationScripts" something config.system.activationScripts
    );

  # A machine of checks/vm: what such machines have for the scenarios.
  vm =
    config:
    mapAttrs (_key: guarded) (
      {
        assertions = failing config;
        inherit (config) warnings;
        "networking.domain" = config.networking.domain;
        "services.avahi" = something config.services.avahi;
      }
      // entries "networking.firewall" (ports: ports) (
        filterAttrs (name: _ports: hasPrefix "allowed" name) config.networking.firewall
      )
      // entries "networking.interfaces" something config.networking.interfaces
      // entries "systemd.services" unit (
        lib.removeAttrs config.systemd.services (
          [
            "systemd-resolved"
            "unbound"
          ]
          ++ attrNames (ofDmDns config.systemd.services)
        )
      )
      // entries "systemd.sockets" unit config.systemd.sockets
    );

  exports =
    exports:
    mapAttrs (_key: guarded) (
      entries "exports" something (filterAttrs (key: _export: hasPrefix "dm-dns:" key) exports)
    );
}
