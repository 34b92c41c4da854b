# The vars generator `dm-dns`, which makes zone.conf from the zone spec.
{ specJSON }:
{
  config,
  lib,
  pkgs,
  ...
}:
let
  zoneConf = config.clan.core.vars.generators.dm-dns.files."zone.conf";

  # The zone in the checkout, which the new one must be newer than, whatever the admin's clock says.
  previous = lib.optionalString zoneConf.exists " --previous ${zoneConf.path}";
in
{
  clan.core.vars.generators.dm-dns = {
    share = true;
    files."zone.conf".secret = false;
    # zone.conf is made again exactly when this changes. clan-core's dm-dns uses the same key.
    validation.zoneContent = specJSON;
    runtimeInputs = [ config.services.dm-dns.package ];
    script = ''
      dm-dns render ${pkgs.writeText "dm-dns-zone-spec.json" specJSON} -o "$out/zone.conf"${previous}
    '';
  };
}
