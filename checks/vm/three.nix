# The clan of clan.nix, with dm-dns from this flake.
arguments:
let
  clan = import ./clan.nix (
    {
      module.input = "self";
      module.name = "dm-dns";
    }
    // arguments
  );
in
{
  imports = [ clan ];
  modules.dm-dns = ../../modules/dm-dns;
}
