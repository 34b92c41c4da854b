# The settings of the machines with the role default: { <machine> = { addresses, names, … }; }
{
  lib,
  # the role default of an instance, as clan-core gives it to the service
  role,
}:
let
  inherit (lib)
    all
    attrNames
    elem
    isAttrs
    mapAttrs
    ;

  # Evaluating the settings of all machines takes longer than making the zone, and few machines have
  # any. A module that holds nothing but empty modules need not be evaluated to know what it says.
  isEmpty =
    module:
    isAttrs module
    && all (
      name:
      elem name [
        "_file"
        "imports"
      ]
    ) (attrNames module)
    && all isEmpty (module.imports or [ ]);

  defaults = (lib.evalModules { modules = [ ../settings.nix ]; }).config;
in
mapAttrs (
  _machine: member:
  if isEmpty (role.settings or null) && isEmpty (member.settings or null) then
    defaults
  else
    member.finalSettings.config
) (role.machines or { })
