# What IP addresses and networks are, in lower case.
{ lib }:
let
  inherit (builtins) bitAnd;
  inherit (lib)
    all
    concatMap
    concatMapStringsSep
    concatStringsSep
    elemAt
    foldl'
    filter
    fromHexString
    genList
    hasInfix
    head
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
      left = head halves;
      right = last halves;
    in
    if isIPv4 address then
      map toIntBase10 (splitString "." address)
    else if length halves == 1 then
      left
    else
      left ++ genList (_: 0) (8 - length left - length right) ++ right;
  width = address: if isIPv4 address then 8 else 16;

  # What an address is in place of that of one host (RFC 6890, RFC 4291), or null.
  kind =
    address:
    let
      found = numbers address;
      first = head found;
      isZero = count: all (number: number == 0) (take count found);
    in
    if isIPv4 address then
      if isZero 4 then
        "unspecified"
      else if first == 127 then
        "loopback"
      # Of 0.0.0.0/8, no other address is for all addresses either.
      else if first == 0 || first >= 224 then
        "group"
      else
        null
    else if isZero 8 then
      "unspecified"
    else if isZero 7 && last found == 1 then
      "loopback"
    else if isZero 5 && elemAt found 5 == fromHexString "ffff" then
      "mapped"
    else if bitAnd first (fromHexString "ffc0") == fromHexString "fe80" then
      "link-local"
    else if first >= fromHexString "ff00" then
      "group"
    else
      null;

  # Why an address is of no use to other machines: as `kind`, and 169.254.0.0/16 (RFC 3927), on which a
  # machine can answer others (setting listen). The same as in python/src/dm_dns/zone/networks.py.
  uselessKind =
    address:
    let
      parts = numbers address;
    in
    if isIPv4 address && head parts == 169 && elemAt parts 1 == 254 then "link-local" else kind address;

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

  # null, or the parts of an address with a prefix length.
  parsePrefix =
    text:
    let
      parts = match "([^/]+)/([0-9]{1,3})" text;
      address = elemAt parts 0;
    in
    if parts != null && isAddress address then
      {
        inherit address;
        size = toIntBase10 (elemAt parts 1);
      }
    else
      null;

  # The same, and of an address without one, which is a network of its own.
  parseNetwork =
    text:
    if isAddress text then
      {
        address = text;
        size = if isIPv4 text then 32 else 128;
      }
    else
      parsePrefix text;

  # Whether two addresses have the same first bits.
  haveSameStart =
    one: other: size:
    isIPv4 one == isIPv4 other && start one size == start other size;
in
{
  inherit
    haveSameStart
    isAddress
    isIPv4
    numbers
    parsePrefix
    uselessKind
    ;

  # The addresses in `listen` on which no device is answered: those of a family without a network in
  # `allow`.
  unanswered =
    { allow, listen }:
    filter (address: all (network: isIPv6 (toLower address) != hasInfix ":" network) allow) listen;

  # Whether all addresses of a network are in another one. An address is a network of its own.
  isWithin =
    wider: text:
    let
      around = parseNetwork wider;
      found = parseNetwork text;
    in
    around != null
    && found != null
    && found.size >= around.size
    && haveSameStart around.address found.address around.size;

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
        groups = numbers: concatStringsSep ":" (map (group: toLower (toHexString group)) numbers);
        beginning = groups (take ((size + 15) / 16) found);
      in
      # "::" is for two groups or more.
      if size > 96 then
        {
          prefix = "${groups found}/${toString size}";
          first = groups (init found ++ [ (last found + 1) ]);
        }
      else
        {
          prefix = "${beginning}::/${toString size}";
          first = "${beginning}::1";
        };

  # Whether an address may have a reverse name; the same as in python/src/dm_dns/zone/reverse.py.
  mayHaveReverse =
    address:
    let
      first = head (numbers address);
      second = elemAt (numbers address) 1;
      start = bitAnd first (fromHexString "fe00");
    in
    if isIPv4 address then
      first == 10
      || first == 172 && second >= 16 && second < 32
      || first == 192 && second == 168
      || first == 100 && second >= 64 && second < 128
    else
      start == fromHexString "fc00" || start == fromHexString "200" || start == fromHexString "400";

  # An address, possibly with a prefix length that its family has.
  isNetwork =
    text:
    let
      parts = match "([^/]+)/([0-9]{1,3})" text;
      address = elemAt parts 0;
      size = toIntBase10 (elemAt parts 1);
    in
    if parts == null then
      isAddress text
    else
      (isIPv4 address && size <= 32) || (isIPv6 address && size <= 128);

  # Why a machine cannot listen for other devices on an address, or null.
  listenProblem =
    text:
    let
      problems = {
        group = "it is a multicast or reserved address, which no machine has";
        # With an interface unbound accepts it, but does not start while there is no such interface.
        link-local =
          "it is link-local, and without its interface unbound would not start;"
          + " give that interface a unique local address too (fd00::/8), and use that";
        loopback = "it is a loopback address, which other devices cannot reach";
        mapped = "it is an IPv4 address in IPv6 notation, on which unbound does not listen";
        unspecified = "it stands for all addresses, and unbound would take port 53 from other programs";
      };
      found = kind text;
    in
    if match "fe[89ab].*%.*" text != null then
      problems.link-local
    else if !isAddress text then
      "it is not an IP address"
    else if found != null then
      problems.${found}
    else
      null;
}
