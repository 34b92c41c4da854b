# Other DNS servers that would have port 53 of the addresses on which unbound answers other devices.
{
  domain,
  machine,
  settings,
}:
{ config, lib, ... }:
let
  inherit (lib)
    concatMap
    concatMapStringsSep
    concatStringsSep
    elem
    elemAt
    filter
    match
    optional
    optionalString
    optionals
    splitString
    toList
    toLower
    ;
  inherit (config.services)
    adguardhome
    blocky
    dnsmasq
    resolved
    ;

  # What a server without a setting for its addresses listens on.
  everywhere = [ "0.0.0.0" ];

  # What answers all names of the domain, which unbound does only if they are the clan's.
  upstream =
    separator:
    if settings.wholeDomain then "127.0.0.1${separator}${toString settings.port}" else "127.0.0.53";

  isPort53 = port: toString port == "53";
  parts = value: concatMap (entry: splitString "," (toString entry)) (toList value);
  withoutBlanks = lib.replaceStrings [ " " ] [ "" ];

  # `53`, `:53`, `192.168.1.1:53` or `[fd00::1]:53`.
  blockyAddresses = concatMap (
    entry:
    let
      found = match "\\[?([^]]*[^]:])?]?:([0-9]+)" (withoutBlanks entry);
      address = if found == null then null else elemAt found 0;
      port = if found == null then entry else elemAt found 1;
    in
    optionals (isPort53 port) (if address == null then everywhere else [ address ])
  ) (parts (blocky.settings.ports.dns or 53));

  # `192.168.1.1`, `udp:192.168.1.1:53` or `[fd00::1]:53`; an IPv6 address also without brackets.
  stubAddresses = concatMap (
    entry:
    let
      found = match "((udp|tcp):)?(\\[([^]]+)]|([0-9.]+))(:([0-9]+))?" (toString entry);
      port = elemAt found 6;
      address = if elemAt found 3 == null then elemAt found 4 else elemAt found 3;
    in
    if found == null then
      [ (toString entry) ]
    else
      optionals (port == null || isPort53 port) [ address ]
  ) (toList (resolved.settings.Resolve.DNSStubListenerExtra or [ ]));

  # Each with the addresses whose port 53 it takes for certain, as far as its options say.
  servers =
    optional dnsmasq.enable {
      option = "services.dnsmasq";
      addresses = optionals (isPort53 (dnsmasq.settings.port or 53)) (
        if dnsmasq.settings ? listen-address then
          map withoutBlanks (parts dnsmasq.settings.listen-address)
        # Those of interfaces are not known here.
        else
          optionals (!(dnsmasq.settings ? interface || dnsmasq.settings ? except-interface)) everywhere
      );
      forward = ''services.dnsmasq.settings.server = [ "/${domain}/${upstream "#"}" ]'';
    }
    ++ optional blocky.enable {
      option = "services.blocky";
      addresses = blockyAddresses;
      forward = ''services.blocky.settings.conditional.mapping."${domain}" = "${upstream ":"}"'';
    }
    ++ [
      {
        option = "services.resolved.settings.Resolve.DNSStubListenerExtra";
        addresses = stubAddresses;
        forward = "services.resolved: it resolves the clan's names already, and all others";
      }
    ]
    # Otherwise its web page configures it.
    ++ optional (adguardhome.enable && adguardhome.settings != null) {
      option = "services.adguardhome";
      addresses = optionals (isPort53 (adguardhome.settings.dns.port or 53)) (
        adguardhome.settings.dns.bind_hosts or everywhere
      );
      forward = ''services.adguardhome.settings.dns.upstream_dns = [ "[/${domain}/]${upstream ":"}" ]'';
    };

  listen = map toLower settings.listen;
  isEvery =
    address:
    elem address [
      "0.0.0.0"
      "::"
    ];
  isTaken = address: isEvery address || elem (toLower address) listen;
  described = address: if isEvery address then "all addresses" else address;
  clashing = filter (server: listen != [ ] && lib.any isTaken server.addresses) servers;
in
{
  assertions = [
    {
      assertion = clashing == [ ];
      message = ''
        dm-dns: unbound and another DNS server on '${machine.name}' would listen on port 53 of the same
        address. Whichever starts second fails, and without unbound no name of the clan resolves.
        unbound listens on ${concatStringsSep ", " settings.listen} (setting listen); these do as well:
        ${concatMapStringsSep "\n" (
          server: "  ${server.option} (${concatMapStringsSep ", " described server.addresses})"
        ) clashing}
        Take these addresses from listen, and remove allow if none is left, or have the other server
        listen on other ones. It can answer for the clan too, if it forwards the domain:
        ${concatMapStringsSep "\n" (server: "  ${server.forward}") clashing}${
          # systemd-resolved passes on what is not the clan's.
          optionalString (!settings.wholeDomain) "\nIt must not be in networking.nameservers then: each would ask the other."
        }
      '';
    }
  ];
}
