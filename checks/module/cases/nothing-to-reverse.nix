# A clan in which no address can have a reverse name.
{ common, lib }:
{
  keys = [
    "assertions"
    "warnings"
  ];
  clan = {
    meta.domain = "test";
    inventory.machines = {
      off = { };
      on = { };
    };
    inventory.instances.dm-dns = lib.recursiveUpdate (common.dm-dns [ ]) {
      roles.default.settings.devices.camera.addresses = [ "2001:db8::5" ];
      roles.default.machines = {
        off.settings.addresses = [ "203.0.113.1" ];
        on.settings = {
          # Beside the networks whose addresses have one.
          addresses = [
            "9.255.255.255"
            "11.0.0.0"
            "100.63.255.255"
            "100.128.0.0"
            "172.15.255.255"
            "172.32.0.0"
            "192.167.255.255"
            "192.169.0.0"
            "1ff:ffff::1"
            "600::1"
            "fbff:ffff::1"
            "fe00::1"
          ];
          reverse = true;
        };
      };
    };
  };
}
