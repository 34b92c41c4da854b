# Settings of the role push. The README lists them; `make record` writes that list.
{ lib, ... }:
{
  options.automatic = lib.mkOption {
    type = lib.types.bool;
    default = true;
    example = false;
    description = ''
      Whether the machine pushes automatically: after boot, after each deployment that changed the
      zone, and when the mesh has an older zone than the machine. If false, the zone is pushed only
      by `dm-send-dns` and `dm-dns push`.
    '';
  };
}
