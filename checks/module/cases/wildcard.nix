# A wildcard, an underscore and a name that is not ASCII.
{ common, ... }:
{
  keys = [ "clan.core.vars.generators.dm-dns" ];
  clan = {
    meta.domain = "test";
    inventory.machines.server = { };
    inventory.instances = {
      dm-dns = common.dm-dns [ ];
      web = common.exports "endpoints" {
        server = [
          "*.pages.test"
          "_matrix.test"
          "bücher.test"
        ];
      };
    };
  };
}
