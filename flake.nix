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
    let
      systems = import inputs.systems;

      # It needs treefmt-nix, and clan-core's module for tests, which may change at any time.
      development = inputs.flake-parts.lib.mkFlake { inherit inputs; } {
        inherit systems;
        imports = [
          ./checks/flake-module.nix
          ./treefmt.nix
        ];
      };
    in
    # Outputs are named one by one, so that what clans use is evaluated without `development`: a clan
    # has its own clan-core here, of whatever revision, and may have left out treefmt-nix.
    {
      # What `module = { input = "dm-dns"; name = "dm-dns"; }` in a clan's inventory refers to.
      clan.modules.dm-dns = ./modules/dm-dns;

      packages = inputs.nixpkgs.lib.genAttrs systems (system: rec {
        # What `nix run` runs.
        default = dm-dns;
        dm-dns = inputs.nixpkgs.legacyPackages.${system}.callPackage ./python/package.nix { };
      });

      inherit (development)
        apps
        checks
        devShells
        formatter
        ;
    };
}
