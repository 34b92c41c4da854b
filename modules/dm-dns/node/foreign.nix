# Definitions of other modules that would make unbound serve something else, answer others, or query
# other servers for the clan's names: a line for each option of services.unbound, with their files.
{
  auth-zone,
  controlSocket,
  lib,
  # What this module defines of services.unbound.settings, and the file in which it does.
  server,
  file,
}:
{ config, options, ... }:
let
  inherit (lib)
    attrNames
    concatMap
    concatStringsSep
    elem
    filter
    hasPrefix
    isAttrs
    mapAttrs'
    nameValuePair
    optional
    removePrefix
    uniqueStrings
    ;
  cfg = config.services.unbound;
  opt = options.services.unbound;

  # Settings that change neither which queries unbound answers, nor how. A list of those that do would
  # miss what the next version of unbound brings, and people wrote `local-data` before they had dm-dns:
  # unbound prefers that to the zone.
  tuning = [
    # how much it takes
    "incoming-num-tcp"
    "infra-cache-numhosts"
    "infra-cache-slabs"
    "key-cache-size"
    "key-cache-slabs"
    "msg-cache-size"
    "msg-cache-slabs"
    "neg-cache-size"
    "num-queries-per-thread"
    "num-threads"
    "outgoing-num-tcp"
    "outgoing-range"
    "rrset-cache-size"
    "rrset-cache-slabs"
    "so-rcvbuf"
    "so-reuseport"
    "so-sndbuf"

    # what it logs and counts
    "extended-statistics"
    "log-destaddr"
    "log-identity"
    "log-local-actions"
    "log-queries"
    "log-replies"
    "log-servfail"
    "log-tag-queryreply"
    "log-thread-id"
    "log-time-ascii"
    "log-time-iso"
    "logfile"
    "statistics-cumulative"
    "statistics-inhibit-zero"
    "statistics-interval"
    "use-syslog"
    "verbosity"

    # what it says of itself
    "hide-trustanchor"
    "identity"
    "version"

    # how it asks other servers, which it never does
    "aggressive-nsec"
    "harden-algo-downgrade"
    "harden-below-nxdomain"
    "harden-dnssec-stripped"
    "harden-glue"
    "harden-referral-path"
    "prefetch"
    "prefetch-key"
    "qname-minimisation"
    "qname-minimisation-strict"
    "root-hints"
    "tls-cert-bundle"
    "unwanted-reply-threshold"
    "use-caps-for-id"
  ];

  # Without those of this module, and of NixOS's own, which declares the options.
  definitionsOfOthers =
    option:
    filter (
      definition: !elem (toString definition.file) ([ file ] ++ map toString option.declarations)
    ) option.definitionsWithLocations;

  # What is in mkIf, mkMerge, mkForce and the like.
  contents =
    value:
    {
      "if" = if value.condition then contents value.content else [ ];
      merge = concatMap contents value.contents;
      order = contents value.content;
      override = contents value.content;
    }
    .${value._type or ""} or [ value ];

  sections = [
    "remote-control"
    "server"
  ];
  namesIn =
    prefix: value:
    concatMap (
      found:
      if isAttrs found then
        concatMap (
          name:
          if prefix == "settings" && elem name sections then
            namesIn "${prefix}.${name}" found.${name}
          else
            [ "${prefix}.${name}" ]
        ) (attrNames found)
      else
        # a function, which may define anything
        [ prefix ]
    ) (contents value);
  ofSettings = map (definition: {
    inherit (definition) file;
    names = namesIn "settings" definition.value;
  }) (definitionsOfOthers opt.settings);

  # Of these only the value counts: somebody else may define them likewise.
  values = {
    "settings.auth-zone" = (cfg.settings.auth-zone or null) == auth-zone;
    "settings.remote-control.control-enable" = cfg.settings.remote-control.control-enable or true;
  }
  // mapAttrs' (
    name: value:
    nameValuePair "settings.server.${name}" ((cfg.settings.server.${name} or null) == value)
  ) server;

  accepted = map (name: "settings.server.${name}") tuning ++ attrNames values;
  wrong =
    # A plain unbound resolves every name.
    optional (opt.enable.definitions != [ true ]) "enable"
    ++ optional cfg.enableRootTrustAnchor "enableRootTrustAnchor"
    ++ optional (cfg.localControlSocketPath != controlSocket) "localControlSocketPath"
    ++ optional cfg.resolveLocalQueries "resolveLocalQueries"
    ++ filter (name: !values.${name}) (attrNames values)
    ++ filter (name: !elem name accepted) (concatMap (found: found.names) ofSettings);

  filesOf =
    name:
    map (found: removePrefix "<unknown-file>, via " (toString found.file)) (
      if hasPrefix "settings" name then
        filter (found: elem name found.names) ofSettings
      else
        definitionsOfOthers opt.${name}
    );
in
map (
  name: concatStringsSep ", in " ([ "  ${name}" ] ++ uniqueStrings (filesOf name))
) (uniqueStrings wrong)
