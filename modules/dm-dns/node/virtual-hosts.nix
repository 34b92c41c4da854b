# nginx and caddy: virtual hosts for the clan's names listen on the clan's addresses, and, unless they
# have other names too, nowhere else.
{
  domain,
  # names that services of this machine export
  hosts,
  # whether the clan has a name
  isName,
  machine,
  wholeDomain,
}:
{ config, lib, ... }:
let
  inherit (lib)
    all
    any
    attrValues
    concatMap
    elem
    elemAt
    filter
    hasInfix
    hasSuffix
    isString
    match
    mkDefault
    mkIf
    mkOption
    mkOverride
    optional
    optionals
    split
    toLower
    types
    unique
    ;
  inherit (lib.lists) hasPrefix;

  addresses = filter (address: address != "") config.clan.core.networking.internalListenAddresses;
  isIPv6 = hasInfix ":";

  # Both require brackets: https://nginx.org/r/listen, https://caddyserver.com/docs/conventions
  bracketed = address: if isIPv6 address then "[${address}]" else address;
  listenAddresses = map bracketed (
    addresses ++ [ "127.0.0.1" ] ++ optional config.networking.enableIPv6 "::1"
  );

  # The host names in what caddy calls addresses, such as `http://chat.clan.lol:8080, chat`.
  namesIn =
    text:
    map (
      address:
      let
        parts = match "([a-z]+://)?([^:/]*)(:[0-9]+)?(/.*)?" address;
      in
      if parts == null then address else elemAt parts 1
    ) (filter (part: isString part && part != "") (split "[, \n\t]+" text));

  isLabel = name: match "[a-z0-9_-]+" name != null;

  # A virtual host that has another name too, such as `www.example.org`, is for others than the clan.
  # A single label, such as `localhost`, says nothing: no public name is one.
  isOfClan =
    name: hasSuffix ".${domain}" name && (wholeDomain || isName name) || isLabel name;

  # A short name is what machines with the setting `search` ask for.
  isExported = name: elem name hosts || isLabel name && elem "${name}.${domain}" hosts;

  # What the machine's own full name has in NixOS's /etc/hosts.
  ownAddresses = names: optional (elem "${machine.name}.${domain}" names) "127.0.0.2";

  # Extends the type that NixOS declares, so it is part of each virtual host that something else
  # defines, whatever the priority of that definition, and defines none itself: one that only this
  # module defined would answer for a name that another program of this machine serves.
  virtualHosts =
    {
      # from the attribute's name and the virtual host
      canonicalName,
      # Where a virtual host listens that nobody restricts; null if that is not known.
      everywhere,
    }:
    mkOption {
      type = types.attrsOf (
        types.submodule (
          { config, name, ... }:
          let
            names = map toLower (
              concatMap namesIn ([ (canonicalName name config) ] ++ config.serverAliases)
            );
            isRestricted = all isOfClan names;
          in
          {
            # Weaker than `mkDefault`: it would be merged with what others define in that way.
            config.listenAddresses =
              mkIf
                (
                  addresses != [ ]
                  && (config.listen or [ ]) == [ ]
                  && any isExported names
                  && (isRestricted || everywhere != null)
                )
                (
                  mkOverride 1100 (
                    unique (
                      listenAddresses
                      ++ ownAddresses names
                      # Both ask only virtual hosts that name the address which a request came to, if
                      # there are any: restricted ones would hide one that listens everywhere.
                      ++ optionals (!isRestricted) everywhere
                    )
                  )
                );
          }
        )
      );
    };

  listensThere =
    service:
    service.enable
    && any (virtualHost: hasPrefix listenAddresses virtualHost.listenAddresses) (
      attrValues service.virtualHosts
    );
  mayWaitForNetwork =
    addresses != [ ]
    && (listensThere config.services.nginx || listensThere config.services.caddy);
in
{
  options.services.nginx.virtualHosts = virtualHosts {
    canonicalName =
      name: virtualHost: if virtualHost.serverName != null then virtualHost.serverName else name;
    everywhere = config.services.nginx.defaultListenAddresses;
  };
  options.services.caddy.virtualHosts = virtualHosts {
    canonicalName = _name: virtualHost: virtualHost.hostName;
    # No address, quoted as a Caddyfile requires it.
    everywhere = if hasInfix "default_bind" config.services.caddy.globalConfig then null else [ ''""'' ];
  };

  # An address of a VPN may not be there yet when a web server starts, and one that cannot listen on
  # one of its addresses listens on none: public sites would be down too. So a program may listen on
  # an address before the machine has it (ip(7), `ip_nonlocal_bind`). This is a setting of the whole
  # machine because neither program can ask for it for its own sockets (`IP_FREEBIND`). Waiting for
  # the VPN, or trying again until it is up, would keep the public sites down meanwhile.
  config.boot.kernel.sysctl = mkIf mayWaitForNetwork {
    "net.ipv4.ip_nonlocal_bind" = mkIf (any (address: !isIPv6 address) addresses) (mkDefault 1);
    "net.ipv6.ip_nonlocal_bind" = mkIf (any isIPv6 addresses) (mkDefault 1);
  };
}
