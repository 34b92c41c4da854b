# Evaluates a clan with the real clan-core. Of nixpkgs it needs the lib only: what the machines
# import of NixOS and of nix-darwin are declarations of options (nixos-options.nix,
# darwin-options.nix), and their packages cannot be built (pkgs.nix).
{
  # the sources of clan-core
  clanCore,
  # more inputs of the clan's flake
  inputs ? { },
  lib,
  pkgs ? import ./pkgs.nix { inherit lib; },
}:
let
  inherit (lib.modules) importApply;

  systemOf =
    class: options:
    { modules, specialArgs }:
    lib.evalModules {
      inherit class specialArgs;
      modules = modules ++ [
        options
        { _module.args = { inherit pkgs; }; }
      ];
    };
  nixosSystem = systemOf "nixos" ./nixos-options.nix;

  # What clan-core's module for all machines imports here.
  clanCoreModules.clanCore.imports = map (name: clanCore + "/nixosModules/clanCore/${name}") [
    "dependencies.nix"
    "networking.nix"
    "settings.nix"
    "vars"
  ];

  # What clan-core's flake makes of the same files.
  core = {
    clan.deprecatedModules = [ ];
    clan.modules = {
      data-mesher = clanCore + "/clanServices/data-mesher";
      pki = clanCore + "/clanServices/pki";
    };
    clan.templates = { };
    clanLib = lib.fix (
      clanLib:
      (import (clanCore + "/lib") { inherit lib; }).__unfix__ clanLib
      // {
        clan = import (clanCore + "/lib/clan") {
          inherit lib;
          clan-core = core;
        };
      }
    );
    inputs.nix-darwin.lib.darwinSystem = systemOf "darwin" ./darwin-options.nix;
    inputs.nixpkgs = {
      legacyPackages.x86_64-linux = pkgs;
      lib = lib // {
        inherit nixosSystem;
      };
    };
    lib = core.clanLib;
    modules.clan.default = importApply (clanCore + "/modules/clan") { clan-core = core; };
    darwinModules = clanCoreModules;
    nixosModules = clanCoreModules;
    packages = { };
  };

  # This project's flake as a clan may have it: of its inputs, only nixpkgs and systems can be used.
  flake = (import ../../flake.nix).outputs (
    lib.genAttrs [
      "clan-core"
      "flake-parts"
      "self"
      "treefmt-nix"
    ] (input: throw "what clans use of the flake needs its input ${input}")
    // {
      inherit (core.inputs) nixpkgs;
      systems = builtins.toFile "systems.nix" ''[ "x86_64-linux" ]'';
    }
  );
in
{
  inherit core flake nixosSystem;
  inherit (core) clanLib;

  # What a flake of a clan says, with two inputs: this project, and services for tests.
  clan =
    clan:
    (core.clanLib.clan {
      self = {
        inputs = {
          dm-dns = flake;
          test.clan.modules = import ./services.nix;
        }
        // inputs;
        outPath = clan.directory;
      };
      meta.name = lib.mkDefault "test";
      vars.settings.secretStore = "age";
      imports = [ clan ];
    }).config;
}
