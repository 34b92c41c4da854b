# Short names: on for the role, off on one machine, and with search domains of the machines' own.
{ common, lib }:
{
  clan = {
    meta.domain = "test";
    inventory.machines = {
      off = { };
      on = { };
      other-domain = { };
      same-domain = { };
    };
    inventory.instances.dm-dns = lib.recursiveUpdate (common.dm-dns [ ]) {
      roles.default.settings.search = lib.mkDefault true;
      roles.default.machines = {
        off.settings.search = false;
        # It believes that this is enough.
        same-domain.settings.search = false;
      };
    };
    machines = {
      on.networking.search = [ "test" ];
      other-domain.networking.search = [ "example.org" ];
      same-domain.networking.search = [
        "example.org"
        "test"
      ];
    };
  };
}
