# The units that bring the best zone a machine has into unbound.
{
  applyConfig,
  meshDirectory,
  package,
}:
{ config, lib, ... }:
let
  apply = "${package}/libexec/dm-dns-apply";

  runtimeDirectory = "dm-dns";

  # Reads what came over the wire: it may write its state and talk to unbound, and nothing else.
  service = import ../sandbox.nix // {
    RestartSec = "100ms";
    User = "dm-dns";
    Group = "dm-dns";
    SupplementaryGroups = [
      config.services.unbound.group # the control socket
    ]
    ++ lib.optional config.services.data-mesher.enable config.services.data-mesher.group;
    StateDirectory = "dm-dns";
    # unbound reads the zone.
    StateDirectoryMode = "0755";
    # What dm-dns-apply and dm-dns-watch tell each other.
    RuntimeDirectory = runtimeDirectory;
    RuntimeDirectoryPreserve = true;
    UMask = "0022";
  };
  once = service // {
    Type = "oneshot";
    TimeoutStartSec = "2min";
    # Killed, it has not done what it was started for. Where it fails by itself, only a change helps.
    Restart = "on-abnormal";
    # While it waits for that it counts as being started, for what is ordered after it.
    RestartMode = "direct";
  };
  after = [
    "dm-dns-zone.service"
    "unbound.service"
  ];
  # What a switch may change.
  restartTriggers = [
    applyConfig
    (config.environment.etc.hosts.source or null)
  ];
in
{
  users.users.dm-dns = {
    isSystemUser = true;
    group = "dm-dns";
    description = "dm-dns apply";
  };
  users.groups.dm-dns = { };

  # Runs at boot and after each switch that changed what the machine was deployed with.
  systemd.services.dm-dns-zone = {
    description = "Zone of the clan for unbound to start with";
    wantedBy = [ "multi-user.target" ];
    # unbound may be running already: then it is told to load the zone.
    wants = [ "dm-dns-apply.service" ];
    before = [ "unbound.service" ];
    inherit restartTriggers;
    stopIfChanged = false;
    serviceConfig = once // {
      # Failing is left to dm-dns-apply, which runs again when there is a zone.
      ExecStart = "-${apply} --write-only";
      RemainAfterExit = true;
    };
  };

  # It starts without a zone too; names then come with the first one.
  systemd.services.unbound = {
    wants = [
      "dm-dns-zone.service"
      # In case the zone file was lost while unbound ran.
      "dm-dns-apply.service"
    ];
    after = [ "dm-dns-zone.service" ];
    # No name of the clan resolves until it is back, so not after NixOS's 5 s, and however often.
    startLimitIntervalSec = 0;
    serviceConfig = {
      RestartSec = lib.mkForce "100ms";
      RestartSteps = 8;
      RestartMaxDelaySec = "5s";
    };
  };

  # Serves each change at once: systemd takes several times as long to start a unit as this one to do
  # that, and a path unit misses what changes after the last look of the service that it has started,
  # or while systemd reloads its units.
  systemd.services.dm-dns-watch = {
    description = "Serve changes of the clan's zone";
    wantedBy = [ "multi-user.target" ];
    inherit after restartTriggers;
    stopIfChanged = false;
    startLimitIntervalSec = 0;
    serviceConfig = service // {
      Type = "exec";
      ExecStart = "${apply} --watch";
      Restart = "always";
      RestartSteps = 8;
      RestartMaxDelaySec = "5s";
    };
  };

  # Looks whether the newest zone is served, and is the one that fails if not. It serves it as well, so
  # that nothing depends on dm-dns-watch alone.
  systemd.services.dm-dns-apply = {
    description = "Serve the clan's newest zone";
    inherit after;
    startLimitIntervalSec = 0;
    serviceConfig = once // {
      ExecStart = apply;
    };
  };

  systemd.paths.dm-dns-apply = {
    description = "Changes of the clan's zone";
    wantedBy = [ "paths.target" ];
    startLimitIntervalSec = 0;
    pathConfig = {
      # The directory, which need not exist yet: this way both a renamed and a rewritten file count.
      PathChanged = meshDirectory;
      # What dm-dns-watch writes where it finds something else than dm-dns-apply did.
      PathModified = "/run/${runtimeDirectory}/look";
      TriggerLimitIntervalSec = 0;
    };
  };

  # For what neither sees, such as another file system in the place of this one.
  systemd.timers.dm-dns-apply = {
    description = "Look whether the clan's newest zone is served";
    wantedBy = [ "timers.target" ];
    timerConfig = {
      OnActiveSec = "5min";
      OnUnitInactiveSec = "5min";
    };
  };
}
