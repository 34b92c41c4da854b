# Machines that do not agree on whose the domain is.
{ common, lib }:
{
  keys = [ "assertions" ];
  clan = {
    meta.domain = "example.org";
    inventory.machines = lib.genAttrs [ "fig" "kiwi" "plum" ] (_machine: { });
    inventory.instances.dm-dns = lib.recursiveUpdate (common.dm-dns [ ]) {
      roles.default.machines.kiwi.settings.wholeDomain = false;
    };
  };
}
