# Other DNS servers on port 53 of machines that answer other devices there: on the same addresses, or not.
{ common, lib, ... }:
let
  listen = "192.168.1.1";
  servers = {
    # Their defaults: all addresses.
    everywhere.services = {
      adguardhome.enable = true;
      adguardhome.settings = { };
      blocky.enable = true;
      dnsmasq.enable = true;
    };
    same.services = {
      adguardhome.enable = true;
      adguardhome.settings.dns.bind_hosts = [ listen ];
      blocky.enable = true;
      blocky.settings.ports.dns = "127.0.0.1:53, [FD00::1]:53";
      dnsmasq.enable = true;
      dnsmasq.settings.listen-address = "::1,${listen}";
      resolved.settings.Resolve.DNSStubListenerExtra = [
        "fd00::1"
        "udp:[FD00::1]:53"
        "tcp:${listen}"
      ];
    };
    # On other addresses or ports, or where its options do not say.
    other.services = {
      adguardhome.enable = true;
      adguardhome.settings.dns.bind_hosts = [ "192.168.2.1" ];
      blocky.enable = true;
      blocky.settings.ports.dns = [
        5300
        ":5301"
        "${listen}:5302"
        "192.168.2.1:53"
      ];
      dnsmasq.enable = true;
      dnsmasq.settings.listen-address = [ "10.0.0.1" ];
      resolved.settings.Resolve.DNSStubListenerExtra = [
        "172.17.0.1"
        "fd00::2"
        "${listen}:5303"
        "udp:[fd00::1]:5304"
      ];
    };
    unknown.services = {
      adguardhome.enable = true;
      blocky.enable = false;
      dnsmasq.enable = true;
      dnsmasq.settings.interface = "br0";
    };
    port.services = {
      adguardhome.enable = true;
      adguardhome.settings.dns.port = 5300;
      dnsmasq.enable = true;
      dnsmasq.settings.port = 5301;
    };
    one.services.resolved.settings.Resolve.DNSStubListenerExtra = listen;
    # It does not answer other devices.
    alone.services.dnsmasq.enable = true;
  };
in
{
  keys = [ "assertions" ];
  clan = {
    meta.domain = "test";
    inventory.machines = lib.mapAttrs (_machine: _config: { }) servers;
    inventory.instances.dm-dns = lib.recursiveUpdate (common.dm-dns [ ]) {
      roles.default.machines = lib.genAttrs (lib.attrNames (removeAttrs servers [ "alone" ])) (_machine: {
        settings.listen = [
          listen
          "fd00::1"
        ];
        settings.allow = [
          "192.168.1.0/24"
          "fd00::/64"
        ];
      });
    };
    machines = servers;
  };
}
