# The clan of the scenarios, with two machines that push automatically.
_: {
  clan.imports = [
    (import ../../vm/clan.nix (
      {
        module.input = "dm-dns";
        module.name = "dm-dns";
      }
      // import ../../vm/pushers.nix
    ))
  ];
}
