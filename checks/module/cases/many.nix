# 1000 machines with ten names each.
{ common, lib }:
let
  machines = lib.genList (number: "m${toString number}") 1000;
in
{
  machines = [ "m500" ];
  summary = true;
  keys = [ "clan.core.vars.generators.dm-dns" ];
  clan = {
    meta.domain = "test";
    inventory.machines = lib.genAttrs machines (_machine: { });
    inventory.instances = {
      dm-dns = common.dm-dns [ ];
      web = common.exports "endpoints" (
        lib.genAttrs machines (
          machine: lib.genList (number: "s${toString number}-${machine}.test") 10
        )
      );
    };
  };
}
