# What the module finds for each case that the same rules in Python are tested with.
{ lib }:
let
  cases = builtins.fromJSON (builtins.readFile ../../python/tests/zone/network-cases.json);
  inherit (import ../../modules/dm-dns/ip.nix { inherit lib; }) mayHaveReverse;
  inherit (import ../../modules/dm-dns/zone/elsewhere.nix { inherit lib; })
    outsideOf
    prefixesOfPlace
    ;

  localNetwork = values: {
    prefix = lib.head values;
    router.linkAddress = lib.last values;
  };
  outside =
    { allow, networks, ... }:
    let
      localNetworks = lib.mapAttrs (_name: localNetwork) networks;
    in
    lib.mapAttrs (name: _values: outsideOf (prefixesOfPlace name localNetworks) allow) networks;
in
{
  elsewhere = lib.listToAttrs (
    map (case: lib.nameValuePair case.title (outside case)) cases.elsewhere
  );
  reverse = lib.mapAttrs (address: _expected: mayHaveReverse address) cases.reverse;
}
