# What a machine's configuration can get wrong: each failed assertion is on record.
{ lib, ... }:
{
  keys = [ "assertions" ];
  clan = {
    meta.domain = "test";
    inventory.machines = {
      forwarder = { };
      handwritten = { };
      half-open = { };
      listener = { };
      old = { };
      sender = { };
      tuner = { };
      unresolved = { };
    };
    inventory.instances = {
      dm-dns = {
        module.input = "dm-dns";
        module.name = "dm-dns";
        roles.default.machines = {
          forwarder = { };
          handwritten = { };
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
          tuner = { };
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
      # What people wrote beside clan-core's own dm-dns; unbound prefers some of it to the zone.
      handwritten =
        { lib, ... }:
        {
          services.unbound = {
            localControlSocketPath = "/run/unbound.sock";
            resolveLocalQueries = true;
            settings = lib.mkMerge [
              (lib.mkIf true { server.local-data = lib.mkForce [ ''"git.test A 192.0.2.1"'' ]; })
              { server = lib.mkMerge [ { do-tcp = false; } ]; }
              (lib.mkIf false { server.do-udp = false; })
              {
                remote-control.control-interface = [ "0.0.0.0" ];
                rpz = [ { name = "rpz."; } ];
                server.access-control-view = [ "127.0.0.0/8 mine" ];
                server.verbosity = 2;
                view = [ { name = "mine"; } ];
              }
            ];
          };
        };
      # It tunes unbound, and repeats what dm-dns says.
      tuner.services.unbound = {
        localControlSocketPath = "/run/unbound/unbound.ctl";
        settings.remote-control.control-enable = true;
        settings.server = {
          ip-freebind = true;
          log-queries = true;
          num-threads = 4;
          so-rcvbuf = "4m";
        };
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
