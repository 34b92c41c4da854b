# A domain above the name that dm-dns uses itself where others have names of the domain as well.
{ common, lib }:
{
  keys = [ "assertions" ];
  clan = {
    meta.domain = "internal";
    inventory.machines.kiwi = { };
    inventory.instances.dm-dns = lib.recursiveUpdate (common.dm-dns [ ]) {
      roles.default.settings.wholeDomain = false;
    };
  };
}
