# The options of NixOS that clan-core's module for tests sets on each machine.
{ lib, ... }:
let
  raw = lib.mkOption { type = lib.types.raw; };
in
{
  options = {
    documentation = lib.mkOption { type = lib.types.attrsOf lib.types.raw; };
    nix.registry = raw;
    nix.settings = raw;
    nixpkgs.flake.setFlakeRegistry = raw;
    nixpkgs.flake.setNixPath = raw;
    system.nixos = lib.mkOption {
      type = lib.types.attrsOf lib.types.raw;
      default.release = lib.trivial.release;
    };
    system.stateVersion = raw;
  };
}
