{
  description = "Names for a clan: every host name that a service exports resolves on every machine";

  inputs = {
    clan-core.url = "github:clan-lol/clan-core";
    flake-parts.follows = "clan-core/flake-parts";
    nixpkgs.follows = "clan-core/nixpkgs";
    systems.follows = "clan-core/systems";
  };

  outputs =
    inputs:
    inputs.flake-parts.lib.mkFlake { inherit inputs; } {
      systems = import inputs.systems;

      imports = [
        ./modules/flake-module.nix
        ./python/flake-module.nix
        ./checks/flake-module.nix
      ];
    };
}
