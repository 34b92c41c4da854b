# What IP addresses and networks are, in lower case.
{ lib }:
let
  inherit (builtins) bitAnd;
  inherit (lib)
    all
    concatMap
    concatMapStringsSep
    concatStringsSep
    foldl'
    fromHexString
    genList
    imap0
    init
    last
    length
    match
    max
    min
    splitString
    take
    toHexString
    toIntBase10
    toLower
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

  # The numbers in an address, and how many bits each has.
  numbers =
    address:
    let
      halves = map (half: if half == "" then [ ] else map fromHexString (splitString ":" half)) (
        splitString "::" address
      );
      left = builtins.head halves;
      right = last halves;
    in
    if isIPv4 address then
      map toIntBase10 (splitString "." address)
    else if length halves == 1 then
      left
    else
      left ++ genList (_: 0) (8 - length left - length right) ++ right;
  width = address: if isIPv4 address then 8 else 16;

  power = exponent: foldl' (product: _: 2 * product) 1 (genList (_: null) exponent);

  # Of each number in an address, the part that is beyond a prefix length, and the largest that can be
  # there.
  beyond =
    address: size:
    imap0 (
      index: number:
      let
        bits = width address;
        most = power (bits - max 0 (min bits (size - index * bits))) - 1;
      in
      {
        inherit most number;
        part = bitAnd number most;
      }
    ) (numbers address);

  start = address: size: map ({ number, part, ... }: number - part) (beyond address size);
in
{
  inherit isAddress isIPv4 numbers;

  # null, or the parts of an address with a prefix length.
  parsePrefix =
    text:
    let
      parts = match "([^/]+)/([0-9]{1,3})" text;
      address = builtins.elemAt parts 0;
    in
    if parts != null && isAddress address then
      {
        inherit address;
        size = toIntBase10 (builtins.elemAt parts 1);
      }
    else
      null;

  # Whether two addresses have the same first bits.
  haveSameStart =
    one: other: size:
    isIPv4 one == isIPv4 other && start one size == start other size;

  isFirstOf = address: size: all ({ part, ... }: part == 0) (beyond address size);
  isLastOf = address: size: all ({ part, most, ... }: part == most) (beyond address size);

  # The prefix of an address, and the first address in it that a host can have.
  prefixText =
    address: size:
    let
      found = start address size;
    in
    if isIPv4 address then
      {
        prefix = concatMapStringsSep "." toString found + "/${toString size}";
        first = concatMapStringsSep "." toString (init found ++ [ (last found + 1) ]);
      }
    else
      let
        groups = concatStringsSep ":" (
          map (group: toLower (toHexString group)) (take (min 7 ((size + 15) / 16)) found)
        );
      in
      {
        prefix = "${groups}::/${toString size}";
        first = "${groups}::1";
      };

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
