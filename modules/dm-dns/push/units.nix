# The units that push automatically. As in ../node/units.nix, limits and times are defaults.
{
  # of `dm-dns push`, except for the key
  arguments,
  constants,
  # whether there is a zone to push, and a mesh
  isComplete,
  # path of the private key on the machine
  key,
}:
{ config, lib, ... }:
let
  inherit (config.services) data-mesher;
  credential = "signing.key";
  runtimeDirectory = "dm-dns-push";
in
{
  config = lib.mkIf isComplete {
    users.users.${constants.pushUser} = {
      isSystemUser = true;
      group = constants.pushUser;
      description = "dm-dns push";
    };
    users.groups.${constants.pushUser} = { };

    # Without RemainAfterExit, so that each switch starts it: a switch starts wanted units that are
    # inactive. Without `wants`: a change of the mesh must not start a data-mesher that an
    # administrator stopped.
    systemd.services.dm-dns-push = {
      description = "Push the clan's zone";
      wantedBy = [ "multi-user.target" ];
      after = [
        "data-mesher.service"
        # Which looks whether the key has been replaced.
        "dm-dns.service"
        "network.target"
      ];
      path = [ data-mesher.package ];
      startLimitIntervalSec = 0;
      serviceConfig = import ../sandbox.nix { inherit config; } // {
        # The boot does not wait for the mesh.
        Type = "exec";
        ExecStart = lib.concatStringsSep " " (
          [
            "${config.services.dm-dns.package}/bin/dm-dns"
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
        # Exit status 1 or 2 means that an administrator is needed. dm-dns itself waits for what
        # recovers; all other failures, such as a key that is not there yet, are retried.
        Restart = "on-failure";
        RestartPreventExitStatus = "1 2";
        RestartSec = lib.mkDefault "1s";
        RestartSteps = lib.mkDefault 8;
        RestartMaxDelaySec = lib.mkDefault "5min";

        # The key is readable by root only. This unit, which is not root, gets a copy in memory.
        LoadCredential = "${credential}:${key}";
        User = constants.pushUser;
        Group = constants.pushUser;
        # It may read the mesh copy.
        SupplementaryGroups = [ data-mesher.group ];
        RuntimeDirectory = runtimeDirectory;
        # Others read its metrics there. Nothing else in it is secret either.
        RuntimeDirectoryMode = "0755";
        # dm-dns keeps here what it has pushed since boot.
        RuntimeDirectoryPreserve = true;
        UMask = "0077";
        # It compares two zones, and runs data-mesher's command, which has a thread for each core.
        MemoryMax = lib.mkDefault "1G";
        TasksMax = lib.mkDefault 256;
        RestrictAddressFamilies = [
          "AF_UNIX"
          "AF_INET"
          "AF_INET6"
        ];

        # It runs at every change of the mesh: the journal gets what dm-dns prints, but not every
        # start and end of the unit.
        SyslogLevel = "notice";
        LogLevelMax = "notice";
      };
    };

    systemd.paths.dm-dns-push = {
      description = "Changes of the mesh that may need a push";
      wantedBy = [ "paths.target" ];
      startLimitIntervalSec = 0;
      pathConfig = {
        PathChanged = constants.meshDirectory;
        TriggerLimitIntervalSec = 0;
      };
    };

    # The path unit misses changes while the service runs.
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
