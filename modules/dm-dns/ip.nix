# What IP addresses and networks are, in lower case.
{ lib }:
let
  inherit (lib)
    all
    concatMap
    length
    match
    splitString
    toIntBase10
    ;

  octet = "(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])";
  isIPv4 = text: match "${octet}(\\.${octet}){3}" text != null;

  # RFC 4291, section 2.2, without the form that ends in an IPv4 address
  isIPv6 =
    text:
    let
      halves = splitString "::" text;
      groups = concatMap (half: if half == "" then [ ] else splitString ":" half) halves;
    in
    all (group: match "[0-9a-f]{1,4}" group != null) groups
    && (
      if length halves == 2 then length groups <= 7 else length halves == 1 && length groups == 8
    );

  isAddress = text: isIPv4 text || isIPv6 text;
in
{
  inherit isAddress;

  # An address, possibly with a prefix length that its family has.
  isNetwork =
    text:
    let
      parts = match "([^/]+)/([0-9]{1,3})" text;
      address = builtins.elemAt parts 0;
      size = toIntBase10 (builtins.elemAt parts 1);
    in
    if parts == null then
      isAddress text
    else
      (isIPv4 address && size <= 32) || (isIPv6 address && size <= 128);

  # Why a machine cannot listen for other devices on an address, or null.
  listenProblem =
    text:
    let
      # With an interface unbound accepts it, but does not start while there is no such interface.
      linkLocal =
        "it is link-local, and without its interface unbound would not start;"
        + " give that interface a unique local address too (fd00::/8), and use that";
    in
    if match "fe[89ab].*%.*" text != null then
      linkLocal
    else if !isAddress text then
      "it is not an IP address"
    else if match "0\\.0\\.0\\.0|[0:]+" text != null then
      "it stands for all addresses, and unbound would take port 53 from other programs"
    else if match "127\\..*|[0:]+:1" text != null then
      "it is a loopback address, which other devices cannot reach"
    else if match "fe[89ab].*" text != null then
      linkLocal
    else if match "(22[4-9]|23[0-9])\\..*|ff.*" text != null then
      "it is a multicast address, which no machine has"
    else if match "[0:]*:ffff:[0-9a-f]+:[0-9a-f]+" text != null then
      "it is an IPv4 address in IPv6 notation, on which unbound does not listen"
    else
      null;
}
