# Role push on macOS: not possible.
{ machine }:
{
  assertions = [
    {
      assertion = false;
      message = ''
        dm-dns: '${machine.name}' is a Mac, and has the role push. Clan's data-mesher, which the role
        gives the zone to, does not run on macOS.
        Give the role to a NixOS machine, such as with roles.push.tags = [ "nixos" ]. An admin can
        push from a checkout: dm-dns push --flake . --via <machine>.
      '';
    }
  ];
}
