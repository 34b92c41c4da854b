# What people set otherwise than NixOS and clan-core do for systemd-resolved. The first definition of
# two is what these set, with the same priority.
{ common, lib, ... }:
let
  stub = "/run/systemd/resolve/stub-resolv.conf";
in
{
  keys = [ "assertions" ];
  clan = {
    meta.domain = "test";
    inventory.machines = {
      container = { };
      file = { };
      forced = { };
      manager = { };
      stub = { };
      stub-tcp = { };
      usual = { };
    };
    inventory.instances.dm-dns = common.dm-dns [ ];
    machines = {
      container.imports = [
        { networking.useHostResolvConf = false; }
        { networking.useHostResolvConf = true; }
      ];
      file.imports = [
        { environment.etc."resolv.conf".source = stub; }
        { environment.etc."resolv.conf".source = "/etc/resolv.static"; }
      ];
      forced = {
        networking.networkmanager.enable = true;
        networking.networkmanager.dns = lib.mkForce "none";
        networking.resolvconf.enable = lib.mkForce true;
      };
      manager.imports = [
        { networking.networkmanager.dns = "systemd-resolved"; }
        { networking.networkmanager.dns = "default"; }
        { networking.networkmanager.enable = true; }
      ];
      # As for another DNS server on port 53 of all addresses.
      stub.services.resolved.settings.Resolve.DNSStubListener = "no";
      stub-tcp.services.resolved.settings.Resolve.DNSStubListener = "tcp";
      # NetworkManager is off, the file is NixOS's, and resolvconf is off anyway.
      usual = {
        networking.resolvconf.enable = true;
        environment.etc."resolv.conf".source = stub;
        networking.networkmanager.dns = "default";
        services.resolved.settings.Resolve.DNSStubListener = "udp";
      };
    };
  };
}
