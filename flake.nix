{
  description = "DNS for a clan: every exported host name resolves on every machine";

  inputs = {
    clan-core.url = "github:clan-lol/clan-core";
    flake-parts.follows = "clan-core/flake-parts";
    nixpkgs.follows = "clan-core/nixpkgs";
    systems.follows = "clan-core/systems";
    treefmt-nix.follows = "clan-core/treefmt-nix";
  };

  outputs =
    inputs:
    inputs.flake-parts.lib.mkFlake { inherit inputs; } {
      systems = import inputs.systems;

      imports = [
        ./modules/flake-module.nix
        ./python/flake-module.nix
        ./checks/flake-module.nix
        ./treefmt.nix
      ];
    };
}
