# The same with a domain below it.
{ lib, ... }@arguments:
let
  local = import ./mdns.nix arguments;
in
lib.recursiveUpdate local { clan.meta.domain = "home.local"; }
