# The vars generator `dm-dns`, which makes zone.conf from the zone spec, and whether it has to run again.
{
  machine,
  # see ../zone/default.nix
  pending,
  specJSON,
}:
{
  config,
  lib,
  pkgs,
  ...
}:
let
  inherit (lib) concatMapStringsSep optional take;
  inherit (config.clan.core.vars.generators.dm-dns) validationHash;
  zoneConf = config.clan.core.vars.generators.dm-dns.files."zone.conf";

  # What it was generated from, as clan-core's command `clan` writes it beside the generated files
  # (VALIDATION_HASH_NAME in its clan_lib/vars/_types.py). Another store of public vars has none there.
  hashFile = config.clan.core.settings.directory + "/vars/shared/dm-dns/.validation-hash";
  isOutdated =
    builtins.pathExists hashFile && lib.trim (builtins.readFile hashFile) != validationHash;
  more = lib.length pending - 5;

  # The zone in the checkout, which the new one must be newer than, whatever the admin's clock says.
  previous = lib.optionalString zoneConf.exists " --previous ${zoneConf.path}";
in
{
  warnings = lib.optionals zoneConf.exists (
    if pending != [ ] then
      [
        ''
          dm-dns: the zone that '${machine.name}' is deployed with lacks addresses that are not generated yet, of
          ${concatMapStringsSep ", " (name: "'${name}'") (take 5 pending)}${
            lib.optionalString (more > 0) ", and ${toString more} more"
          }.
          Run 'clan vars generate' twice: the second time renders the zone with them.
        ''
      ]
    else
      optional isOutdated ''
        dm-dns: the zone that '${machine.name}' is deployed with is outdated: since it was generated, or while it
        was, names, addresses or other settings have changed.
        Run 'clan vars generate'.
      ''
  );

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
