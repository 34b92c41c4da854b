# Names of a machine that have no address: nobody reaches what answers on them.
{
  domain,
  machine,
  # see ../zone/default.nix
  namesWithoutAddress,
}:
{ config, lib, ... }:
let
  inherit (lib)
    concatStringsSep
    elem
    filterAttrs
    hasInfix
    hasPrefix
    length
    optionalString
    take
    toLower
    ;
  inherit (config.networking) extraHosts hosts;

  names = namesWithoutAddress.${machine.name} or [ ];
  more = length names - 5;

  # What the machine's own /etc/hosts has, others probably have too, as with wireguard.
  fullName = toLower "${machine.name}.${domain}";
  isNamed = lib.any (elem fullName) (
    map (map toLower) (
      lib.attrValues (
        filterAttrs (address: _names: !hasPrefix "127." address && address != "::1") hosts
      )
    )
  );
  isInHosts = isNamed || hasInfix fullName (toLower extraHosts);
in
{
  warnings = lib.optional (names != [ ] && !isInHosts) ''
    dm-dns: names of '${machine.name}' have no address, because its setting addresses has none and no network
    service that it uses exports one: ${concatStringsSep ", " (take 5 names)}${
      optionalString (more > 0) ", and ${toString more} more"
    }.
    Set roles.default.machines.${machine.name}.settings.addresses of dm-dns, or have a network service of
    the clan export an address, such as zerotier.
  '';
}
