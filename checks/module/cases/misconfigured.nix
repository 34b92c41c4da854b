# What a machine's configuration can get wrong: each failed assertion is on record.
_:
{
  keys = [ "assertions" ];
  clan = {
    meta.domain = "test";
    inventory.machines = {
      forwarder = { };
      half-open = { };
      old = { };
      sender = { };
    };
    inventory.instances = {
      dm-dns = {
        module.input = "dm-dns";
        module.name = "dm-dns";
        roles.default.machines = {
          forwarder = { };
          half-open.settings.listen = [ "192.0.2.1" ];
          old = { };
        };
        roles.push.machines.sender = { };
      };
    };
    machines = {
      forwarder.services.unbound = {
        enable = true;
        settings.forward-zone = [ { name = "."; } ];
        settings.server.local-zone = [ ''"example." static'' ];
        settings.server.port = 53;
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
