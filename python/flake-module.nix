{
  perSystem =
    { config, pkgs, ... }:
    {
      packages = {
        default = config.packages.dm-dns;
        dm-dns = pkgs.callPackage ./package.nix { };
      };

      formatter = pkgs.nixfmt-tree;
    };
}
