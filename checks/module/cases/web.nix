# The clan of the scenario `web`.
_: {
  clan.imports = [
    (import ../../vm/web.nix {
      module.input = "dm-dns";
      module.name = "dm-dns";
    })
  ];
}
