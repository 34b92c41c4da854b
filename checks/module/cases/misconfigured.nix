# What a machine's configuration can get wrong: each failed assertion is on record.
{ lib, ... }:
{
  keys = [ "assertions" ];
  clan = {
    meta.domain = "test";
    inventory.machines = {
      forwarder = { };
      half-open = { };
      listener = { };
      old = { };
      sender = { };
      unresolved = { };
    };
    inventory.instances = {
      dm-dns = {
        module.input = "dm-dns";
        module.name = "dm-dns";
        roles.default.machines = {
          forwarder = { };
          half-open.settings.listen = [ "192.0.2.1" ];
          listener.settings = {
            allow = [
              "192.168.1.0/24"
              "192.168.1.0/99"
              "fd00::/129"
              "1.2.3"
              "FD00::/8"
            ];
            listen = [
              "0.0.0.0"
              "0.0.0.1"
              "127.0.0.53"
              "1.2.3"
              "fe80::1"
              "fe80::1%eth0"
              "FF02::1"
              "224.0.0.251"
              "::ffff:c0a8:101"
              "::"
              "::1"
              "192.168.1.1"
              "FD00::1"
            ];
          };
          old = { };
          unresolved = { };
        };
        roles.push.machines.sender = { };
      };
    };
    machines = {
      forwarder.services.unbound = {
        enable = true;
        settings.forward-zone = [ { name = "."; } ];
        settings.server.ip-freebind = false;
        settings.server.local-zone = [ ''"example." static'' ];
        settings.server.port = 53;
      };
      unresolved = {
        networking.useHostResolvConf = true;
        services.resolved.enable = lib.mkForce false;
        services.unbound.enableRootTrustAnchor = lib.mkForce true;
      };
      old =
        { pkgs, ... }:
        {
          systemd.package = pkgs.systemd // {
            version = "257.9";
          };
        };
    };
  };
}
