# The options of the module as the README lists them: of each, what has to be said about it.
{ lib }:
let
  # `pkgs` is for defaults that no documentation evaluates: they have a `defaultText`.
  documented =
    file:
    map (option: {
      inherit (option) description name type;
      default = option.default or null;
      example = option.example or null;
    }) (
      lib.filter (option: !lib.hasPrefix "_module." option.name && !option.internal) (
        lib.optionAttrSetToDocList (lib.evalModules { modules = [ file ]; }).options
      )
    );
in
{
  default = documented ../../modules/dm-dns/settings.nix;
  machine = documented ../../modules/dm-dns/options.nix;
  push = documented ../../modules/dm-dns/push-settings.nix;
}
