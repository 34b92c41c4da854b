# Units as people tune them: limits and restarts as they write them, the rest with mkForce.
{ common, lib }:
{
  keys = [ "systemd.services" ];
  clan = {
    meta.domain = "test";
    inventory.machines.server = { };
    inventory.instances = {
      data-mesher = common.data-mesher [ "server" ];
      dm-dns = common.dm-dns [ "server" ];
    };
    machines.server.systemd.services = {
      dm-dns.serviceConfig = {
        MemoryMax = "2G";
        RestartSec = "1s";
        TasksMax = 32;
      };
      dm-dns-health.serviceConfig.MemoryMax = "512M";
      dm-dns-hook = {
        serviceConfig.LimitNOFILE = 32768;
        serviceConfig.MemoryMax = "512M";
        startLimitIntervalSec = lib.mkForce 30;
      };
      dm-dns-push.serviceConfig = {
        MemoryMax = "2G";
        RestartMaxDelaySec = "1min";
        TasksMax = 512;
      };
      unbound = {
        serviceConfig.RestartMaxDelaySec = "30s";
        # NixOS defines it as well.
        serviceConfig.RestartSec = lib.mkForce "1s";
        startLimitIntervalSec = lib.mkForce 30;
        stopIfChanged = lib.mkForce true;
      };
    };
  };
}
