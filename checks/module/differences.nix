# Where the snapshots differ from what the module yields: names of cases, and `naming`,
# `network-rules`, `options`, `packages`, `remedies`, `types`, `vm`. Only that a value throws can be compared, not what it says.
{
  # as in default.nix
  clanCore,
  lib,
}:
let
  evaluated = import ./. { inherit clanCore lib; };
  read = name: builtins.fromJSON (builtins.readFile (./snapshots + "/${name}.json"));

  withoutMessages =
    value:
    if value ? throws then
      { throws = null; }
    else if builtins.isAttrs value then
      lib.mapAttrs (_key: withoutMessages) value
    else
      value;
  taken = name: {
    exports = withoutMessages (read name).exports;
    machines = lib.mapAttrs (_machine: own: withoutMessages ((read name).all // own)) (
      read name
    ).machines;
  };
in
lib.filter (name: evaluated.cases.${name} != taken name) evaluated.caseNames
++ lib.filter (name: evaluated.${name} != read name) [
  "naming"
  "network-rules"
  "options"
  "packages"
  "vm"
]
++ lib.filter (name: evaluated.${name} != withoutMessages (read name)) [
  "remedies"
  "types"
]
