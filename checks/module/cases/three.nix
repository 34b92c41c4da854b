# The clan of the scenarios.
_: {
  clan.imports = [
    (import ../../vm/clan.nix {
      module.input = "dm-dns";
      module.name = "dm-dns";
    })
  ];
}
