# Evaluates a clan with the real clan-core. Of nixpkgs it needs the lib only: what the machines
# import of NixOS are declarations of options (nixos-options.nix), and their packages cannot be
# built (pkgs.nix).
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

  nixosSystem =
    { modules, specialArgs }:
    lib.evalModules {
      class = "nixos";
      inherit specialArgs;
      modules = modules ++ [
        ./nixos-options.nix
        { _module.args = { inherit pkgs; }; }
      ];
    };

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
    inputs.nix-darwin = { };
    inputs.nixpkgs = {
      legacyPackages.x86_64-linux = pkgs;
      lib = lib // {
        inherit nixosSystem;
      };
    };
    lib = core.clanLib;
    modules.clan.default = importApply (clanCore + "/modules/clan") { clan-core = core; };
    nixosModules.clanCore.imports = map (name: clanCore + "/nixosModules/clanCore/${name}") [
      "dependencies.nix"
      "networking.nix"
      "settings.nix"
      "vars"
    ];
    packages = { };
  };
in
{
  inherit core nixosSystem;
  inherit (core) clanLib;

  # What a flake of a clan says, with two inputs: this project, and services for tests.
  clan =
    clan:
    (core.clanLib.clan {
      self = {
        inputs = {
          dm-dns.clan = (import ../../modules/flake-module.nix).flake.clan;
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
