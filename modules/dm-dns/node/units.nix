# The units: one serves the zone, one judges what is served. Limits, and how soon a unit restarts, are
# defaults. All else takes mkForce: with `stopIfChanged` names would be away during a switch, and with a
# start limit they would stay away after a few failures (the hook has one, and a unit that brings it back).
{
  applyConfig,
  # path of data-mesher's certificate on the machine, or null
  certificate,
  constants,
  package,
  # whether addresses have names
  reverse,
  # whether short names resolve
  search,
  # of the local networks
  prefixes,
}:
{
  config,
  lib,
  pkgs,
  ...
}:
let
  apply = "${package}/bin/dm-dns apply";

  runtimeDirectory = "dm-dns";
  early = import ./early.nix;

  # It reads what came over the network, so it may do little else.
  sandbox = import ../sandbox.nix { inherit config; };
  service = sandbox // {
    # It asks the kernel for the addresses of the machine.
    RestrictAddressFamilies = sandbox.RestrictAddressFamilies ++ [ "AF_NETLINK" ];
    User = constants.user;
    Group = constants.user;
    # Only its members may reach the mesh copy.
    SupplementaryGroups =
      lib.optional config.services.data-mesher.enable config.services.data-mesher.group;
    UMask = "0022";
  };

  # The kernel finds out who has an address when something is sent there (node/presence.py).
  reachesRouters = lib.optionalAttrs (prefixes != [ ]) {
    IPAddressAllow = [ sandbox.IPAddressAllow ] ++ prefixes;
  };

  # Of a socket on which systemd-resolved asks.
  asked = socket: {
    # resolved asks, and dm-dns-health.service checks that it is answered.
    SocketUser = "systemd-resolve";
    SocketGroup = constants.user;
    SocketMode = "0660";
    # systemd makes the socket, and gives it to resolved a moment later. If resolved finds it in
    # between, it may not connect, and tries again only when something changes in the directory.
    ExecStartPost = "${pkgs.coreutils}/bin/touch ${dirOf socket}";
    TriggerLimitIntervalSec = 0;
    # resolved would ask at a socket that nobody has.
    RemoveOnStop = true;
  };
  searchUnit = lib.optional search "dm-dns-hook-search.socket";
  hook = sandbox // {
    DynamicUser = true;
    # It needs no file system, and must not wait for those of /tmp and /var/tmp.
    PrivateTmp = "disconnected";
    # 23 MB, and 110 MB more for what resolved is slow to read of the longest answers (docs/limits.md).
    MemoryMax = lib.mkDefault "256M";
    # Each of at most 4096 lookups has a connection, and another two if its answers are too long for
    # UDP. systemd's default is 1024, with which names of many addresses would be answered too late.
    LimitNOFILE = lib.mkDefault 16384;
    TasksMax = lib.mkDefault 16;
  };
in
{
  users.users.${constants.user} = {
    isSystemUser = true;
    group = constants.user;
    description = "dm-dns";
  };
  users.groups.${constants.user} = { };

  # Writes the zone file before unbound starts, and serves every change from then on.
  systemd.services.dm-dns = early.service // {
    description = "Serve the clan's names";
    wantedBy = [ "multi-user.target" ];
    before = [ "unbound.service" ] ++ early.service.before;
    # A switch starts new sockets last. In the first one with the hook, names wait for it from here.
    wants = [ "dm-dns-hook.socket" ];
    # What a switch may change.
    restartTriggers = [
      applyConfig
      (config.environment.etc.hosts.source or null)
    ];
    stopIfChanged = false;
    startLimitIntervalSec = 0;
    serviceConfig = service // reachesRouters // {
      # Ready when there is a zone file, or after 5 s: the boot does not wait for what was received.
      Type = "notify";
      TimeoutStartSec = "30s";
      ExecStart = "${apply} --watch";
      Restart = "always";
      RestartSec = lib.mkDefault "100ms";
      RestartSteps = lib.mkDefault 8;
      RestartMaxDelaySec = lib.mkDefault "5s";
      SupplementaryGroups = service.SupplementaryGroups ++ [
        config.services.unbound.group # the control socket
      ];
      StateDirectory = baseNameOf constants.stateDirectory;
      # unbound reads the zone file.
      StateDirectoryMode = "0755";
      # What it found, for dm-dns-health and for people.
      RuntimeDirectory = runtimeDirectory;
      RuntimeDirectoryPreserve = true;
      # Two copies of the worst zone within the limits take 0.4 GB (docs/limits.md). What takes more is
      # a run that is killed; the server keeps running.
      MemoryMax = lib.mkDefault "1G";
      OOMPolicy = "continue";
      TasksMax = lib.mkDefault 16;
    };
  };

  # It starts without a zone file too; the names then come with the first one.
  systemd.services.unbound = early.service // {
    wants = [ "dm-dns.service" ];
    # Not after network.target as by default, for which NetworkManager starts: the addresses need not be
    # there yet (ip-freebind).
    after = lib.mkForce (early.service.after ++ [ "dm-dns.service" ]);
    # A switch would stop it first, and start it when all other units have restarted.
    stopIfChanged = false;
    # No name of the clan resolves until it is back, so not after NixOS's 5 s, and however often.
    startLimitIntervalSec = 0;
    serviceConfig = {
      # Stronger than NixOS's 5 s, and weaker than the mkForce that other modules need for that too.
      RestartSec = lib.mkOverride 90 "10ms";
      # systemd never forgets how often it has restarted a service: many steps, each a little longer.
      RestartSteps = lib.mkDefault 50;
      RestartMaxDelaySec = lib.mkDefault "5s";
    };
  };

  # Answers systemd-resolved. systemd holds the socket, so that no lookup fails while it restarts.
  systemd.sockets.dm-dns-hook = early.socket // {
    description = "Lookups of the clan's names by systemd-resolved";
    # It fails when the service has failed too often.
    onFailure = [ "dm-dns-hook-retry.timer" ];
    listenStreams = [ constants.hookSocket ];
    socketConfig = asked constants.hookSocket;
  };
  # A second hook, for names of one label, which the same service answers. A switch does not change
  # sockets, so it is a unit of its own: one that comes is started, one that goes is stopped.
  systemd.sockets.dm-dns-hook-search = lib.mkIf search (
    early.socket
    // {
      description = "Lookups of short names by systemd-resolved";
      listenStreams = [ constants.searchSocket ];
      socketConfig = asked constants.searchSocket // {
        Service = "dm-dns-hook.service";
      };
    }
  );
  systemd.services.dm-dns-hook = early.hook // {
    description = "Answer systemd-resolved's lookups of the clan's names";
    unitConfig = early.hook.unitConfig // {
      # The names of addresses are there.
      WantsMountsFor = lib.mkIf reverse constants.stateDirectory;
    };
    # resolved waits for it at its first lookup of any name.
    wantedBy = [ "multi-user.target" ];
    requires = [ "dm-dns-hook.socket" ];
    # A socket can be started only while the service is not running: a restart of this does both. It
    # may go without the service.
    wants = searchUnit;
    after = [ "dm-dns-hook.socket" ] ++ searchUnit;
    restartTriggers = [ applyConfig ];
    stopIfChanged = false;
    # Lookups of all names wait for it, for up to 60 s each. If it cannot start, systemd removes its
    # sockets after a few seconds, and resolved does without it. Each start takes 0.2 s, and 1 s or 2 s on
    # a small machine.
    startLimitBurst = 20;
    startLimitIntervalSec = 60;
    serviceConfig = hook // {
      ExecStart = "${package}/bin/dm-dns hook";
      Restart = "always";
      RestartSec = lib.mkDefault "100ms";
      # systemd keeps resolved's connections while the hook restarts: one for each lookup.
      NotifyAccess = "main";
      FileDescriptorStoreMax = 4096;
    };
  };
  # Brings it back once it can start. No lookup waits for what this tries.
  systemd.services.dm-dns-hook-retry = {
    description = "Find out whether dm-dns-hook.service can start";
    onSuccess = [ "dm-dns-hook.service" ];
    onFailure = [ "dm-dns-hook-retry.timer" ];
    startLimitIntervalSec = 0;
    serviceConfig = hook // {
      Type = "oneshot";
      ExecStart = "${package}/bin/dm-dns hook --check";
      # The journal has why from dm-dns-hook.service. Each minute is too often.
      SyslogLevel = "info";
      LogLevelMax = "crit";
    };
  };
  systemd.timers.dm-dns-hook-retry = {
    description = "Another try to start dm-dns-hook.service, which has failed";
    timerConfig = {
      OnActiveSec = "1min";
      AccuracySec = "1s";
      # Each failure starts it again.
      RemainAfterElapse = false;
    };
  };

  # A service that keeps running cannot be a failed one. This one fails in its place: monitor it.
  systemd.services.dm-dns-health = {
    description = "Check that this machine serves the clan's newest zone";
    after = [
      "dm-dns.service"
      "unbound.service"
    ];
    startLimitIntervalSec = 0;
    serviceConfig = service // {
      Type = "oneshot";
      TimeoutStartSec = "1min";
      ExecStart = "${apply} --check";
      # It writes when the certificate ends, for monitoring, and what it has said.
      ReadWritePaths = "-/run/${runtimeDirectory}";
      # Only data-mesher and root may read the file, which a deployment replaces. It may be missing.
      LoadCredential = lib.mkIf (certificate != null) "certificate:${certificate}";
      SetCredential = lib.mkIf (certificate != null) "certificate:missing";
      MemoryMax = lib.mkDefault "256M";
      TasksMax = lib.mkDefault 16;
      # `systemctl status` shows what is wrong.
      NotifyAccess = "main";
      # It runs every minute. The journal gets what is wrong once, and once that it is over. Below
      # this level systemd would add several lines each time.
      SyslogLevel = "crit";
      LogLevelMax = "crit";
    };
  };

  systemd.paths.dm-dns-health = {
    description = "Changes of what dm-dns.service found";
    wantedBy = [ "paths.target" ];
    startLimitIntervalSec = 0;
    pathConfig = {
      PathChanged = "/run/${runtimeDirectory}/state.json";
      TriggerLimitIntervalSec = 0;
    };
  };

  # dm-dns.service writes the file every minute: the timer is for when it does not.
  systemd.timers.dm-dns-health = {
    description = "Regular check of what this machine serves";
    wantedBy = [ "timers.target" ];
    timerConfig = {
      OnActiveSec = "1min";
      OnUnitInactiveSec = "2min";
    };
  };
}
