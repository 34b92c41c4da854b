# The tests of checks/vm, evaluated with clan-core's own module for tests: the script of each, and
# what its machines have for it. NixOS's part, which makes machines and the driver of it, needs the
# whole of nixpkgs; what is declared here is what clan-core and the tests set of it.
{
  clanCore,
  # See snapshot.nix.
  guard,
  lib,
}:
let
  inherit (lib) mkOption types;

  snapshot = import ./snapshot.nix {
    inherit guard lib;
    summary = false;
  };
  kit = import ./clan.nix { inherit clanCore lib pkgs; };
  pkgs = import ./pkgs.nix { inherit lib; } // {
    # clan-core generates vars in such a build; those of the cases are as good.
    runCommand =
      name: _environment: _script:
      if lib.hasPrefix "merged-test-dir-" name then ./clan else "${builtins.storeDir}/${name}";
    stdenv.hostPlatform = {
      isDarwin = false;
      system = "x86_64-linux";
    };
  };
  clanTest =
    (import (clanCore + "/lib/clanTest/flake-module.nix") {
      inherit lib;
      self = kit.core;
      config.flake = { inherit (kit) clanLib; };
    }).flake.modules.nixosTest.clanTest;

  module = mkOption {
    type = types.deferredModule;
    default = { };
  };
  modules = mkOption {
    type = types.lazyAttrsOf types.deferredModule;
    default = { };
  };
  raw = mkOption { type = types.raw; };
  nixosTest.options = {
    containerDefaults = module;
    containers = modules;
    defaults = module;
    extraPythonPackages = raw;
    name = mkOption { type = types.str; };
    nodes = modules;
    nodesCompat = raw;
    requiredFeatures = raw;
    result = raw;
    testScript = mkOption { type = types.functionTo types.str; };
  };

  evaluate =
    test:
    let
      inherit
        (lib.evalModules {
          specialArgs.hostPkgs = pkgs;
          modules = [
            clanTest
            nixosTest
            test
          ];
        })
        config
        ;
      nodes = lib.mapAttrs (
        _machine: node:
        (kit.nixosSystem {
          specialArgs = { };
          modules = [
            config.defaults
            node
            ./vm-options.nix
            { _module.args.clan-core = kit.core; }
          ];
        }).config
      ) config.nodes;
    in
    {
      inherit (config) name;
      machines = lib.mapAttrs (_machine: snapshot.vm) nodes;
      script = config.testScript { inherit nodes; };
    };
in
lib.mapAttrs (_name: evaluate) (import ../vm { scenarios = "/scenarios"; })
