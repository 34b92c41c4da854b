# What systemd-resolved needs for the clan's names is there as long as it: from before sysinit.target
# until shutdown. While there is no hook, it asks its DNS servers for them.
let
  # Those that have users made at boot, and not by NixOS's activation.
  users = [
    "systemd-sysusers.service"
    "userborn.service"
  ];
  unit = {
    conflicts = [ "shutdown.target" ];
    unitConfig.DefaultDependencies = false;
  };
in
{
  # systemd makes them before resolved can be asked: lookups wait there for what answers.
  socket = unit // {
    wantedBy = [ "sysinit.target" ];
    after = users;
    before = [
      "systemd-resolved.service"
      "sysinit.target"
      "shutdown.target"
    ];
    startLimitIntervalSec = 0;
  };

  # Of those that read or write below /var. Nothing that makes sysinit.target waits for them, because
  # they wait for file systems. What needs names is ordered after one of the first two targets, as
  # remote file systems are after the first, so that names resolve until it has ended.
  service = unit // {
    after = users ++ [ "systemd-tmpfiles-setup.service" ];
    before = [
      "network-online.target"
      "nss-lookup.target"
      "shutdown.target"
    ];
  };

  # Of the hook, which reads nothing there, and passes on immediately what is not the clan's.
  hook = unit // {
    before = [
      "sysinit.target"
      "shutdown.target"
    ];
  };
}
