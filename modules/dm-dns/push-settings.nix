# Settings of the role push.
{ lib, ... }:
{
  options.automatic = lib.mkOption {
    type = lib.types.bool;
    default = true;
    example = false;
    description = ''
      Whether the machine pushes by itself: after it has booted, after each deployment that changed
      the zone, and when the mesh has an older zone than the machine. Without, `dm-send-dns` is
      the only way.
    '';
  };
}
