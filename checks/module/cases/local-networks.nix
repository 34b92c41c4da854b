# Local networks: machines, devices and a shared name with addresses there, and two machines that answer
# others, of which one answers devices elsewhere as well.
{ common, lib }:
{
  clan = {
    meta.domain = "test";
    inventory.machines = {
      laptop = { };
      nas = { };
      router = { };
    };
    inventory.instances.dm-dns = lib.recursiveUpdate (common.dm-dns [ ]) {
      roles.default.settings = {
        devices.printer.addresses = [ "192.168.1.20/24@home" ];
        localNetworks = {
          home = {
            prefix = "192.168.1.0/24";
            router.address = "192.168.1.1";
            router.linkAddress = "52:54:00:12:34:56";
          };
          office = {
            only = true;
            prefix = "FD00:1::/64";
            router.address = "FD00:1::1";
            router.linkAddress = "52:54:00:AB:CD:EF";
          };
          parents = {
            prefix = "192.168.1.0/24";
            router.address = "192.168.1.1";
            router.linkAddress = "52:54:00:12:34:57";
          };
        };
      };
      roles.default.machines = {
        laptop.settings = {
          addresses = [
            "fd09::1"
            "FD00:1::10/64"
          ];
          names = [ "www.test" ];
        };
        nas.settings = {
          addresses = [
            "192.168.1.10/24@home"
            "192.168.1.11/24@parents"
            # By a tunnel, also for machines elsewhere.
            "192.168.1.12/32"
            "FD00:1::12/128"
            "fd09::2"
          ];
          allow = [
            "192.168.1.0/24"
            "fd09::/64"
          ];
          listen = [ "fd09::2" ];
          names = [
            "files.test"
            "www.test"
          ];
        };
        router.settings = {
          addresses = [ "192.168.1.1/24@home" ];
          allow = [ "192.168.1.0/24" ];
          listen = [ "192.168.1.1" ];
        };
      };
    };
  };
}
