# Role default: resolves the clan's names on a machine. Each imported file configures one thing, and
# gets from here what it shares with others. Configured here: what the units read.
{
  constants,
  machine,
  settings,
  zone,
}:
{
  config,
  lib,
  pkgs,
  ...
}:
let
  inherit (lib.modules) importApply;
  inherit (config.clanConfig.inventory) machines;
  inherit (settings) port;
  inherit (zone) domain;

  # The clan file, which `dm-dns show` and `dm-dns status --all` read. It is the same on every machine.
  # It changes when zone.conf does, when the `listen` of a machine does, and when another machine sets
  # a device. `serving` lacks the Macs, on which nothing serves the zone.
  serving = lib.mapAttrs (_machine: found: { inherit (found) listen; }) (
    lib.filterAttrs (name: _found: machines.${name}.machineClass != "darwin") zone.machineSettings
  );
  clanJSON =
    ''{"devices":${builtins.toJSON zone.devices},"serving":${builtins.toJSON serving},''
    + ''"spec":${zone.specJSON},"wholeDomain":${lib.boolToString settings.wholeDomain}}'';

  zoneConf = config.clan.core.vars.generators.dm-dns.files."zone.conf";
  # Those that may sign the zone. It throws before the first `clan vars generate`.
  keys =
    let
      inherit (config.services.data-mesher) enable settings;
      found = if enable then settings.network.files.${constants.meshFile} or [ ] else [ ];
    in
    builtins.tryEval (lib.deepSeq found found);

  # With which data-mesher proves that this machine belongs to the mesh. It ends some day.
  certificate =
    let
      inherit (config.services.data-mesher) enable settings;
    in
    if enable then settings.cluster.identity_cert or null else null;

  applyConfig = pkgs.writeText "dm-dns-apply.json" (
    builtins.toJSON (
      {
        inherit certificate domain;
        inherit (settings) reverse wholeDomain;
        state = constants.stateDirectory;
        mesh = constants.meshCopy;
        # There is no zone.conf before the first `clan vars generate`.
        deployed = if zoneConf.exists then zoneConf.path else null;
        hosts = "/etc/hosts";
        # When one is gone, what was pushed with it is no longer served.
        keys = if keys.success then keys.value else [ ];
        unbound = {
          inherit (constants) address;
          inherit port;
          control = constants.controlSocket;
          privileged = if config.networking.enableIPv6 then constants.privileged else null;
        };
        hook = constants.hookSocket;
        search = if settings.search then constants.searchSocket else null;
        resolved = constants.resolvedSocket;
        # Its own services get the addresses that it has at the moment, or loopback. Where it answers
        # other devices too, they would get loopback as well, and lose an address that the machine does
        # not know because a router translates it.
        machine = if settings.listen == [ ] then machine.name else null;
      }
      # They get the addresses of a local network only if all of them are on it.
      // lib.optionalAttrs (settings.listen != [ ]) { inherit (settings) allow; }
    )
  );
in
{
  imports = [
    ../options.nix
    (importApply ./conflicts.nix { inherit machine; })
    (importApply ./generator.nix {
      inherit machine;
      inherit (zone) pending specJSON;
    })
    (importApply ./other-servers.nix { inherit domain machine settings; })
    (importApply ./own-address.nix {
      inherit domain machine;
      inherit (zone) namesWithoutAddress;
    })
    (importApply ./resolved.nix { inherit domain machine settings; })
    (importApply ./unbound.nix {
      inherit
        constants
        domain
        machine
        settings
        ;
    })
    (importApply ./units.nix {
      inherit applyConfig certificate constants;
      inherit (config.services.dm-dns) package;
      inherit (zone) prefixes;
      inherit (settings) reverse search;
    })
    (importApply ./virtual-hosts.nix {
      inherit domain machine;
      inherit (settings) wholeDomain;
      inherit (zone) isName;
      hosts = map (endpoint: endpoint.host) (zone.endpointsByMachine.${machine.name} or [ ]);
    })
    (importApply ./whole-domain.nix {
      inherit
        domain
        machine
        settings
        zone
        ;
    })
  ];

  warnings = zone.warnings.${machine.name} ++ lib.optional (settings.reverse && !zone.hasReverse) ''
    dm-dns: the setting reverse of '${machine.name}' has no effect, unless /etc/hosts has other addresses:
    no address that services export or settings have is private, unique local, or of yggdrasil or
    mycelium, and only those get names.
    Remove it, or set such addresses: roles.default.machines.<machine>.settings.addresses of dm-dns.
  '';

  environment.systemPackages = [ config.services.dm-dns.package ];
  environment.etc."dm-dns/apply.json".source = applyConfig;
  # No unit reads it, so that none restarts when it changes: it is for people, and for commands that
  # show who exports a name.
  environment.etc."dm-dns/clan.json".source = pkgs.writeText "dm-dns-clan.json" clanJSON;
  services.dm-dns.clan = clanJSON;

  services.prometheus.exporters.node.extraFlags = lib.mkIf config.services.dm-dns.metrics [
    # Also of the push machine's unit.
    "--collector.textfile.directory=/run/dm-dns*"
  ];

  services.data-mesher.pluginDirectories = [ constants.meshFolder ];
}
