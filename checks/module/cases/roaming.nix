# The clan of the scenario `roaming`.
_: {
  clan.imports = [
    (import ../../vm/roaming.nix {
      module.input = "dm-dns";
      module.name = "dm-dns";
    })
  ];
}
