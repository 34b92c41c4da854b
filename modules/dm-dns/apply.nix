# The units that bring the best zone a machine has into unbound.
{
  applyConfig,
  meshDirectory,
  package,
}:
{ config, lib, ... }:
let
  apply = "${package}/libexec/dm-dns-apply";

  # Reads what came over the wire: it may write its state and talk to unbound, and nothing else.
  service = import ./sandbox.nix // {
    Type = "oneshot";
    TimeoutStartSec = "2min";
    # Killed, it has not served what it was started for, and nothing else would start it again.
    # Where it fails by itself, only another zone helps.
    Restart = "on-abnormal";
    RestartSec = "100ms";
    # While it waits for that it counts as being started, for what is ordered after it.
    RestartMode = "direct";
    User = "dm-dns";
    Group = "dm-dns";
    SupplementaryGroups = [
      config.services.unbound.group # the control socket
    ]
    ++ lib.optional config.services.data-mesher.enable config.services.data-mesher.group;
    StateDirectory = "dm-dns";
    # unbound reads the zone.
    StateDirectoryMode = "0755";
    UMask = "0022";
  };
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
    wants = [ "dm-dns-change.service" ];
    before = [ "unbound.service" ];
    restartTriggers = [
      applyConfig
      (config.environment.etc.hosts.source or null)
    ];
    stopIfChanged = false;
    serviceConfig = service // {
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
      "dm-dns-change.service"
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

  # The path unit does not watch while the service it starts is running, so it misses a change that
  # comes after that service's last look and before systemd takes it for ended, which is some 10 ms.
  # So it starts this one, which serves the change, and then dm-dns-apply looks once more.
  # No change is lost, because that look begins when the path unit watches again:
  # - systemd handles the end of a process, and with it the watch, before it starts the next one;
  # - to start a service that is being started already starts nothing, but dm-dns-apply never is then:
  #   nothing else starts it, and this waits for it to end.
  # A change while dm-dns-apply runs is seen by the path unit.
  systemd.services.dm-dns-change = {
    description = "Serve a change of the clan's zone";
    after = [
      "dm-dns-apply.service"
      "dm-dns-zone.service"
      "unbound.service"
    ];
    # A burst of changes must not end in a failed unit.
    startLimitIntervalSec = 0;
    onSuccess = [ "dm-dns-apply.service" ];
    serviceConfig = service // {
      # Whether it fails, and even whether it is killed, is left to dm-dns-apply, which runs in any
      # case: so the last look decides.
      ExecStart = "-${apply}";
    };
  };

  systemd.services.dm-dns-apply = {
    description = "Serve the clan's newest zone";
    after = [
      "dm-dns-zone.service"
      "unbound.service"
    ];
    startLimitIntervalSec = 0;
    serviceConfig = service // {
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
      Unit = "dm-dns-change.service";
      TriggerLimitIntervalSec = 0;
    };
  };

  # For what no path unit sees: other inputs, and changes while it does not look.
  systemd.timers.dm-dns-apply = {
    description = "Look for the clan's newest zone";
    wantedBy = [ "timers.target" ];
    timerConfig = {
      OnActiveSec = "5min";
      OnUnitInactiveSec = "5min";
      Unit = "dm-dns-change.service";
    };
  };
}
