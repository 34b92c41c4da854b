# The clan of the scenario `public`.
_: {
  clan.imports = [
    (import ../../vm/public.nix {
      module.input = "dm-dns";
      module.name = "dm-dns";
    })
  ];
}
