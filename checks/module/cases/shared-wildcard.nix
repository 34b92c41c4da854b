# A domain of which others have names as well, and a name that takes all of them.
{ common, lib }:
{
  keys = [
    "assertions"
    "warnings"
  ];
  clan = {
    meta.domain = "example.org";
    inventory.machines.server = { };
    inventory.instances.dm-dns = lib.recursiveUpdate (common.dm-dns [ ]) {
      roles.default.settings.wholeDomain = false;
      roles.default.machines.server.settings = {
        addresses = [ "10.0.0.1" ];
        names = [ "*.example.org" ];
      };
    };
  };
}
