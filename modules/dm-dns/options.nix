# Options for the configuration of a machine with any role. Both roles import this file by its path,
# which the module system counts once.
#
# Role settings cannot have a package: they are evaluated without `pkgs`, and clan-core requires that
# they can be written as JSON.
{ lib, pkgs, ... }:
{
  options.services.dm-dns.package = lib.mkOption {
    type = lib.types.package;
    default = pkgs.callPackage ../../python/package.nix { };
    defaultText = lib.literalMD "dm-dns of this flake, built with the machine's `pkgs`";
    example = lib.literalExpression "inputs.dm-dns.packages.\${pkgs.stdenv.hostPlatform.system}.dm-dns";
    description = ''
      The dm-dns that the machine's units, the vars generators and `dm-send-dns` run.
    '';
  };
}
