# A machine of the case `two` with all of NixOS: that its options accept what the module sets, and
# that all assertions hold. Needs the whole of nixpkgs.
{ inputs, system }:
let
  inherit (inputs.nixpkgs) lib;
  case = import ./cases/two.nix { common = import ./common.nix { inherit lib; }; };

  machine = {
    boot.isContainer = true;
    nixpkgs.hostPlatform = system;
    system.stateVersion = lib.trivial.release;
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
    machines = {
      client = machine;
      server = machine;
    };
  };
in
clan.config.nixosConfigurations.server
