{
  perSystem =
    { config, pkgs, ... }:
    {
      packages = {
        # What `nix run` runs.
        default = config.packages.dm-dns;
        dm-dns = pkgs.callPackage ./package.nix { };
      };
    };
}
