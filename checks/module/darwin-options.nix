# The options of nix-darwin that the module, and what it needs of clan-core, set, with the types they
# have there. Nothing here makes files. An option that is missing here fails the evaluation.
{ lib, ... }:
let
  inherit (lib) mkOption types;
  option = type: default: mkOption { inherit type default; };
  set = type: option (types.attrsOf type) { };
  texts = option (types.listOf types.str) [ ];
  lines = types.submodule { options.text = option types.lines ""; };
in
{
  options = {
    assertions = option (types.listOf types.unspecified) [ ];
    environment.etc = set lines;
    networking.domain = option (types.nullOr types.str) null;
    networking.fqdn = option types.str "";
    networking.hostName = option (types.nullOr types.str) null;
    system.activationScripts = set lines;
    warnings = texts;

    # clan-core defines these; no case looks at them.
    clan.core.enableRecommendedDefaults = option types.bool false;
    launchd.daemons = set types.raw;
    sops = set types.raw;
  };
}
