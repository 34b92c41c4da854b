# The cases, the tests of checks/vm, the packages of the flake, the naming rules, the options and
# their types, evaluated. A case says
#   clan        a module of clan-core (clan.nix adds to it what all have)
#   machines    which machines are in the snapshot; all of them by default
#   keys        which entries of them (snapshot.nix), by how their keys start; all of them by default
#   summary     whether the zone spec is too large for the snapshot
{
  # the sources of clan-core
  clanCore,
  # of nixpkgs
  lib,
  # See snapshot.nix.
  guard ? true,
}:
let
  kit = import ./clan.nix { inherit clanCore lib; };
  common = import ./common.nix { inherit lib; };

  evaluate =
    file:
    let
      case = import file { inherit common lib; };
      clan = kit.clan ({ directory = ./clan; } // case.clan);
      snapshot = import ./snapshot.nix {
        inherit guard lib;
        summary = case.summary or false;
      };
      machines =
        lib.mapAttrs (_machine: evaluated: snapshot.machine evaluated.config) clan.nixosConfigurations
        // lib.mapAttrs (_machine: evaluated: snapshot.mac evaluated.config) clan.darwinConfigurations;
      isTaken = key: _value: lib.any (start: lib.hasPrefix start key) (case.keys or [ "" ]);
    in
    {
      exports = snapshot.exports clan.exports;
      machines = lib.genAttrs (case.machines or (lib.attrNames clan.inventory.machines)) (
        machine: lib.filterAttrs isTaken machines.${machine}
      );
    };

  cases = lib.mapAttrs' (
    file: _type: lib.nameValuePair (lib.removeSuffix ".nix" file) (evaluate (./cases + "/${file}"))
  ) (builtins.readDir ./cases);
in
{
  inherit cases;
  caseNames = lib.attrNames cases;

  # Of flake.nix, what clans use besides the module.
  packages = lib.mapAttrs (_system: lib.mapAttrs (_name: package: package.name)) kit.flake.packages;

  vm = import ./vm.nix { inherit clanCore guard lib; };

  naming = import ./naming.nix {
    inherit (kit) clanLib;
    inherit lib;
  };

  network-rules = import ./network-rules.nix { inherit lib; };

  options = import ./options.nix { inherit lib; };

  remedies = import ./remedies.nix { inherit clanCore guard lib; };

  types = import ./types.nix { inherit guard lib; };
}
