# unbound answers at another port than by default.
{ common, lib }:
{
  keys = [
    "environment.etc.dm-dns/apply.json"
    "services.unbound"
    "systemd.services.unbound"
    "systemd.sockets"
  ];
  clan = {
    meta.domain = "test";
    inventory.machines.server = { };
    inventory.instances = {
      data-mesher = common.data-mesher [ "server" ];
      dm-dns = lib.recursiveUpdate (common.dm-dns [ "server" ]) { roles.default.settings.port = 5354; };
    };
  };
}
