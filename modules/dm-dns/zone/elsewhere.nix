# Which devices may be elsewhere than on a local network; the same rules as in
# python/src/dm_dns/zone/networks.py.
{ lib }:
let
  inherit (lib) any filter toLower;
  inherit (import ../ip.nix { inherit lib; }) isWithin;
in
{
  # The prefixes of the networks of the router that a local network has, such as those for IPv4 and
  # IPv6: they are one place.
  prefixesOfPlace =
    name: localNetworks:
    map (network: network.prefix) (
      filter (network: network.router.linkAddress == localNetworks.${name}.router.linkAddress) (
        lib.attrValues localNetworks
      )
    );

  # Those of the networks in `allow` that have other addresses as well.
  outsideOf =
    prefixes: allow:
    filter (network: !any (prefix: isWithin prefix (toLower network)) prefixes) allow;
}
