# Two machines of cases, with all of NixOS and all of nix-darwin: that their options accept what the module
# sets, and that all assertions hold. Needs the whole of nixpkgs; the Mac evaluates on Linux too.
{ inputs, system }:
let
  inherit (inputs.nixpkgs) lib;
  common = import ./common.nix { inherit lib; };

  clanOf =
    case: machines:
    inputs.clan-core.lib.clan {
      self = {
        inputs = {
          inherit (inputs) nixpkgs;
          dm-dns = inputs.self;
          test.clan.modules = import ./services.nix;
        };
        outPath = ./clan;
      };
      directory = ./clan;
      meta.name = "test";
      vars.settings.secretStore = "age";
      imports = [ (import case { inherit common lib; }).clan ];
      inherit machines;
    };

  nixos = {
    boot.isContainer = true;
    nixpkgs.hostPlatform = system;
    system.stateVersion = lib.trivial.release;
  };
  darwin = {
    # The manual takes longer than all else.
    documentation.enable = false;
    nixpkgs.hostPlatform = "aarch64-darwin";
    system.stateVersion = 6;
  };
in
[
  (clanOf ./cases/two.nix {
    client = nixos;
    server = nixos;
  }).config.nixosConfigurations.server
  (clanOf ./cases/mac.nix { macbook = darwin; }).config.darwinConfigurations.macbook
]
