# NixOS options of a machine with either role. Both roles import this file by its path, so that a
# machine with both declares the options once.
#
# A role setting cannot hold a package: settings are evaluated without `pkgs`, and clan-core
# requires that JSON can represent them.
{ lib, pkgs, ... }:
{
  options.services.dm-dns.package = lib.mkOption {
    type = lib.types.package;
    default = pkgs.callPackage ../../python/package.nix { };
    defaultText = lib.literalMD "dm-dns of this flake, built with the machine's `pkgs`";
    example = lib.literalExpression "inputs.dm-dns.packages.\${system}.dm-dns";
    description = ''
      The dm-dns that the machine's units, its vars generators and `dm-send-dns` run.
    '';
  };

  options.services.dm-dns.metrics = lib.mkOption {
    type = lib.types.bool;
    default = false;
    example = true;
    description = ''
      Whether the textfile collector of `services.prometheus.exporters.node` reads the metrics that
      dm-dns's units write in /run/dm-dns, on push machines also in /run/dm-dns-push.
    '';
  };

  options.services.dm-dns.clan = lib.mkOption {
    type = lib.types.nullOr lib.types.str;
    default = null;
    internal = true;
    description = ''
      The text of /etc/dm-dns/clan.json. `dm-dns show --flake` and `dm-dns status --all --flake`
      evaluate it.
    '';
  };
}
