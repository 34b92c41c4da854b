# A Mac of the case `mac` with all of nix-darwin: that its options accept what the module sets, and
# that all assertions hold. Needs the whole of nixpkgs, and evaluates on Linux too.
{ inputs }:
let
  inherit (inputs.nixpkgs) lib;
  case = import ./cases/mac.nix {
    inherit lib;
    common = import ./common.nix { inherit lib; };
  };

  clan = inputs.clan-core.lib.clan {
    self = {
      inputs = {
        inherit (inputs) nixpkgs;
        dm-dns.clan = (import ../../modules/flake-module.nix).flake.clan;
        test.clan.modules = import ./services.nix;
      };
      outPath = ./clan;
    };
    directory = ./clan;
    meta.name = "test";
    vars.settings.secretStore = "age";
    imports = [ case.clan ];
    machines.macbook = {
      # The manual takes longer than all else.
      documentation.enable = false;
      nixpkgs.hostPlatform = "aarch64-darwin";
      system.stateVersion = 6;
    };
  };
in
clan.config.darwinConfigurations.macbook
