# The cases, the tests of checks/vm, the naming rules and the options, evaluated. A case says
#   clan        a module of clan-core (clan.nix adds to it what all have)
#   machines    which machines go on record; all of them by default
#   keys        which entries of them (record.nix), by how their keys start; all of them by default
#   summary     whether the zone spec is too large for the record
{
  # the sources of clan-core
  clanCore,
  # of nixpkgs
  lib,
  # See record.nix.
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
      record = import ./record.nix {
        inherit guard lib;
        summary = case.summary or false;
      };
      isRecorded = key: _value: lib.any (start: lib.hasPrefix start key) (case.keys or [ "" ]);
    in
    {
      exports = record.exports clan.exports;
      machines = lib.genAttrs (case.machines or (lib.attrNames clan.inventory.machines)) (
        machine:
        lib.filterAttrs isRecorded (record.machine clan.nixosConfigurations.${machine}.config)
      );
    };

  cases = lib.mapAttrs' (
    file: _type: lib.nameValuePair (lib.removeSuffix ".nix" file) (evaluate (./cases + "/${file}"))
  ) (builtins.readDir ./cases);
in
{
  inherit cases;
  caseNames = lib.attrNames cases;

  vm = import ./vm.nix { inherit clanCore guard lib; };

  naming = import ./naming.nix {
    inherit (kit) clanLib;
    inherit lib;
  };

  options = import ./options.nix { inherit lib; };
}
