# nginx and caddy: virtual hosts for the clan's names listen on the clan's addresses only.
{
  # names that services of this machine export
  hosts,
}:
{
  config,
  lib,
  options,
  ...
}:
let
  inherit (lib)
    any
    filter
    genAttrs
    hasInfix
    mkDefault
    mkIf
    ;
  inherit (lib.modules) dischargeProperties;

  addresses = filter (address: address != "") config.clan.core.networking.internalListenAddresses;

  # Both require brackets: https://nginx.org/r/listen, https://caddyserver.com/docs/conventions
  bracketed = address: if hasInfix ":" address then "[${address}]" else address;
  listenAddresses = map bracketed (
    addresses
    ++ [
      "127.0.0.1"
      "::1"
    ]
  );

  # Only where something else defines the virtual host as well: one that only this module defined
  # would answer for a name that another program of this machine serves. A definition that is
  # switched off, with `mkIf false`, is none.
  mark = "definitionOfDmDns";
  isDefinition = value: !(value.${mark} or false) && dischargeProperties value != [ ];
  isDefined =
    option: host:
    any (definition: definition ? ${host} && isDefinition definition.${host}) option.definitions;
  restrict =
    option:
    genAttrs hosts (
      host:
      mkIf (isDefined option host) { listenAddresses = mkDefault listenAddresses; } // { ${mark} = true; }
    );
in
{
  config = mkIf (addresses != [ ]) {
    services.nginx.virtualHosts = restrict options.services.nginx.virtualHosts;
    services.caddy.virtualHosts = restrict options.services.caddy.virtualHosts;
  };
}
