# The units that push without anyone's hand.
{
  # Of `dm-dns push`, but for the key.
  arguments,
  # Whether there is a zone to push, and a mesh.
  isComplete,
  # Where the machine has the private key.
  key,
  package,
}:
{ config, lib, ... }:
let
  inherit (config.services) data-mesher;
  credential = "signing.key";
  runtimeDirectory = "dm-dns-push";
in
{
  config = lib.mkIf isComplete {
    # Without RemainAfterExit, so that each switch starts it: what is wanted and inactive. And without
    # `wants`: a change in the mesh's folder must not start a data-mesher that somebody has stopped.
    systemd.services.dm-dns-push = {
      description = "Push the clan's zone";
      wantedBy = [ "multi-user.target" ];
      after = [
        "data-mesher.service"
        "network.target"
      ];
      path = [ data-mesher.package ];
      startLimitIntervalSec = 0;
      serviceConfig = import ../sandbox.nix // {
        # The boot does not wait for the mesh.
        Type = "exec";
        ExecStart = lib.concatStringsSep " " (
          [
            "${package}/bin/dm-dns"
            "push"
          ]
          ++ arguments
          ++ [
            "--key"
            "%d/${credential}"
            "--automatic"
            "--state"
            "%t/${runtimeDirectory}"
            "--interval"
            (data-mesher.settings.cluster.push_pull_interval or "30s")
          ]
        );
        # What heals by itself is waited for by the program; it fails where a person is needed. The
        # rest, such as a key that is not there yet, is tried again.
        Restart = "on-failure";
        RestartPreventExitStatus = "1 2";
        RestartSec = "1s";
        RestartSteps = 8;
        RestartMaxDelaySec = "5min";

        # Readable by root only. This unit, which is not root, gets a copy in memory.
        LoadCredential = "${credential}:${key}";
        User = "dm-dns";
        Group = "dm-dns";
        # May read the mesh's copy.
        SupplementaryGroups = [ data-mesher.group ];
        RuntimeDirectory = runtimeDirectory;
        RuntimeDirectoryMode = "0700";
        # What it has done since the machine booted.
        RuntimeDirectoryPreserve = true;
        UMask = "0077";
        RestrictAddressFamilies = [
          "AF_UNIX"
          "AF_INET"
          "AF_INET6"
        ];

        # It runs whenever the mesh changes: only what it says by itself goes to the journal, not
        # that it was started and has ended.
        SyslogLevel = "notice";
        LogLevelMax = "notice";
      };
    };

    systemd.paths.dm-dns-push = {
      description = "Changes of the mesh that may need a push";
      wantedBy = [ "paths.target" ];
      startLimitIntervalSec = 0;
      pathConfig = {
        inherit (config.systemd.paths.dm-dns-apply.pathConfig) PathChanged;
        TriggerLimitIntervalSec = 0;
      };
    };

    # For changes while the service runs, which the path unit misses.
    systemd.timers.dm-dns-push = {
      description = "Look whether the mesh needs a push";
      wantedBy = [ "timers.target" ];
      timerConfig = {
        OnActiveSec = "1h";
        OnUnitInactiveSec = "1h";
      };
    };
  };
}
