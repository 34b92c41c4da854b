# The local networks, on which machines and devices have addresses that mean nothing elsewhere, and how
# such an address is written: with a prefix length. Machines set them, normally all alike.
{
  lib,
  limits,
  # see machine-settings.nix
  machineSettings,
}:
let
  inherit (lib)
    attrNames
    concatMap
    concatMapStringsSep
    elem
    elemAt
    filter
    foldl'
    fromHexString
    groupBy
    hasInfix
    head
    length
    mapAttrs
    match
    optional
    toLower
    uniqueStrings
    ;
  inherit (builtins) bitAnd toJSON;
  inherit (import ../ip.nix { inherit lib; })
    haveSameStart
    isAddress
    isFirstOf
    isIPv4
    isLastOf
    numbers
    parsePrefix
    prefixText
    uselessKind
    ;

  # Nearly all machines have the same setting, so each value is looked at once.
  settings = map (machines: machineSettings.${head machines}.localNetworks) (
    lib.attrValues (
      groupBy (machine: toJSON machineSettings.${machine}.localNetworks) (attrNames machineSettings)
    )
  );
  declared = foldl' (known: set: set // known) { } settings;
  networks = mapAttrs (_name: network: {
    inherit (network) only;
    prefix = toLower network.prefix;
    router = {
      address = toLower network.router.address;
      linkAddress = toLower network.router.linkAddress;
    };
  }) declared;

  isNetworkName = name: match "[a-z0-9][a-z0-9_-]{0,62}" name != null;

  subject = name: "setting localNetworks.${name} of the role default";
  settingsOf = concatMapStringsSep " and " (name: "localNetworks.${name}");
  quoted = concatMapStringsSep " and " (name: "'${name}'");
  findLinkAddress =
    router:
    let
      address = if isAddress router then router else "ADDRESS";
    in
    "on a machine in that network, `ip neigh show ${address}` prints the router's, after lladdr";

  # The rule that a prefix breaks, with its remedy: at most one.
  sizeProblem =
    { address, size }:
    let
      shortest = if isIPv4 address then 8 else 48;
      longest = if isIPv4 address then 30 else 126;
    in
    optional (size < shortest || size > longest) {
      rule =
        "its prefix length is ${toString size}, and that of a network with "
        + (if isIPv4 address then "IPv4" else "IPv6")
        + " is from ${toString shortest} to ${toString longest}";
      remedy = "write the prefix length that `ip address` prints on a machine in that network";
    };
  # What no local network has: ::/8, and site-local with IPv6 (RFC 4291), beside what is of no use.
  isSpecial =
    address:
    let
      first = head (numbers address);
    in
    uselessKind address != null
    || (
      !isIPv4 address
      && (first < fromHexString "100" || bitAnd first (fromHexString "ffc0") == fromHexString "fec0")
    );
  prefixProblem =
    text:
    let
      parts = parsePrefix text;
      sizes = sizeProblem parts;
    in
    if parts == null then
      [
        {
          rule = "prefix ${toJSON text} is not an address with a prefix length";
          remedy = "write one such as 192.168.1.0/24";
        }
      ]
    # First what no other prefix length would cure.
    else if isSpecial parts.address then
      [
        {
          rule = "prefix ${toJSON text} is not one that a local network can have";
          remedy = "use private, unique local or global addresses";
        }
      ]
    else if sizes != [ ] then
      sizes
    else
      optional (!isFirstOf parts.address parts.size) {
        rule = "prefix ${toJSON text} has bits beyond its prefix length";
        remedy = "write ${(prefixText parts.address parts.size).prefix}";
      };

  # Why a host in the network with a prefix cannot have an address, or null.
  hostProblem =
    prefix: address:
    let
      parts = parsePrefix prefix;
    in
    if !isAddress address then
      "is not an IP address"
    else if !haveSameStart parts.address address parts.size then
      "is not in ${prefix}"
    else if isFirstOf address parts.size then
      "is the address of the network ${prefix} itself"
    else if isIPv4 address && isLastOf address parts.size then
      "is the broadcast address of ${prefix}"
    else
      null;

  linkAddressProblem =
    text:
    if match "[0-9a-f]{2}(:[0-9a-f]{2}){5}" text == null then
      "is not a link address, such as 52:54:00:12:34:56"
    else if match "[0-9a-f][13579bdf].*" text != null then
      "is the link address of a group, and not of a host"
    else if text == "00:00:00:00:00:00" then
      "is the link address of no host"
    else if isVirtual text then
      "is one of VRRP, and the same in other networks"
    else
      null;
  # RFC 9568, section 7.3: the last byte is the number of a virtual router, most often a small one.
  isVirtual = text: match "00:00:5e:00:0[12]:.*" text != null;

  problemsOf =
    name:
    let
      inherit (networks.${name}) prefix router;
      nameProblems = optional (!isNetworkName name) {
        rule =
          "${toJSON name} is not a network's name: 1 to 63 of the characters a-z, 0-9, '-' and '_', the"
          + " first a letter or a digit";
        remedy = "rename the network";
      };
      differing = uniqueStrings (
        concatMap (set: optional (set ? ${name}) (toJSON set.${name})) settings
      );
      differences = optional (length differing > 1) {
        rule = "machines set it differently";
        remedy = "set it once, in roles.default.settings.localNetworks, and not for machines";
      };
      prefixes = prefixProblem prefix;
      routerProblem =
        if prefixes == [ ] then
          hostProblem prefix router.address
        else if !isAddress router.address then
          "is not an IP address"
        else
          null;
      routers = optional (routerProblem != null) {
        rule = "router.address ${toJSON router.address} ${routerProblem}";
        remedy =
          # Routers announce themselves with a link-local one.
          if prefixes == [ ] && !isIPv4 (parsePrefix prefix).address then
            "write an address of the router in that prefix: `ip -6 neigh` lists it with the link address of the"
            + " gateway"
          else
            "write the address of a host that is always in that network, such as the gateway that `ip route`"
            + " prints";
      };
      linkProblem = linkAddressProblem router.linkAddress;
      links = optional (linkProblem != null) {
        rule = "router.linkAddress ${toJSON router.linkAddress} ${linkProblem}";
        remedy =
          if isVirtual router.linkAddress then
            "write the address and the link address of one host that is always there, such as those that one of"
            + " the routers has itself"
          else
            findLinkAddress router.address;
      };
    in
    map (problem: problem // { subject = subject name; }) (
      nameProblems ++ differences ++ prefixes ++ routers ++ links
    );

  # Their prefixes both have the router, so a machine that is on one of them is on the other as well.
  byRouter = groupBy (
    name:
    let
      inherit (networks.${name}.router) address linkAddress;
    in
    # An address with IPv6 has several spellings.
    toJSON [
      (if isAddress address then numbers address else address)
      linkAddress
    ]
  ) (attrNames networks);
  ambiguous = filter (names: length names > 1) (lib.attrValues byRouter);

  prefixes = mapAttrs (_name: network: parsePrefix network.prefix) networks;

  # Why other machines do not reach a machine by an address, by the kind of the address.
  useless = {
    group = "is a multicast or reserved address, which no host has";
    link-local = "is link-local: it means nothing on another link";
    loopback = "is a loopback address, which each machine has itself";
    mapped = "is an IPv4 address in IPv6 notation";
    unspecified = "stands for all addresses";
  };

  # An address as a setting has it. The zone spec has one of a local network as `ADDRESS@NETWORK`.
  parseAddress =
    text:
    let
      parts = match "([^@]*)(@(.*))?" (toLower text);
      named = elemAt parts 2;
      found = parsePrefix (head parts);
      inherit (found) address size;
      own = prefixText address size;
      # The local networks that it is in, and those of them that have its prefix length.
      around =
        one:
        filter (
          name:
          let
            prefix = prefixes.${name};
          in
          prefix != null && sizeProblem prefix == [ ] && haveSameStart prefix.address one prefix.size
        ) (attrNames networks);
      known = filter (name: found != null && prefixes.${name}.size == size) places;
      sizes = sizeProblem found;
      # With the prefix length of all its bits, an address is valid outside of its network as well.
      bits = one: if isIPv4 one then 32 else 128;
      isSingle = found != null && named == null && size == bits address;
      plain = if found == null then head parts else address;
      misplaced = hostProblem own.prefix address;
      # Of the local networks that an address is in, those in which a host can have it; why not in the
      # first; and how it is written then.
      places = around plain;
      suitable = filter (name: hostProblem networks.${name}.prefix plain == null) places;
      unsuitable = hostProblem networks.${head places}.prefix plain;
      inPlace = if elem named suitable then named else head suitable;
      within =
        name: "/${toString prefixes.${name}.size}" + (if length places == 1 then "" else "@${name}");
      # The network that is meant: the one that is named or has the prefix length, if there is one.
      meant = head (filter (name: name == named) places ++ known ++ places);
      itself =
        "write the address of the machine or device itself"
        + (if places == [ ] then "" else ", with ${within meant} after it");
      orElsewhere =
        "write \"${plain}${within inPlace}\" if it is valid there only, or"
        + " \"${plain}/${toString (bits plain)}\" if other machines reach it as well, such as through a VPN";
      # Without it, an address in one would be refused as well.
      orThere =
        if networks == { } then "" else ", with the prefix length of its local network if it is in one";
      other = "write an address that other machines reach, such as one in a LAN or a VPN${orThere}";
      # For an address whose prefix length is missing, or that of no network.
      orDeclared =
        if suitable != [ ] then
          orElsewhere
        else if places != [ ] then
          itself
        else
          "write \"${plain}\" if it is valid everywhere, or with the prefix length that `ip address` prints,"
          + " and declare that network in the setting localNetworks of the role default";
      wrong = rule: remedy: {
        inherit remedy;
        rule = "${toJSON text}${rule}";
      };
    in
    if isSingle || !hasInfix "/" text && named == null then
      if match "fe[89ab].*%.*" plain != null then
        wrong " ${useless.link-local}" other
      else if !isAddress plain then
        wrong " is not an IP address" "write an IPv4 or IPv6 address${orThere}"
      else if uselessKind plain == "mapped" then
        wrong " ${useless.mapped}" "write the IPv4 address${orThere}"
      else if uselessKind plain != null then
        wrong " ${useless.${uselessKind plain}}" other
      else if !isSingle && places != [ ] && suitable == [ ] then
        wrong " ${unsuitable}" itself
      else if !isSingle && places != [ ] then
        wrong " is in the prefix of ${settingsOf places}, and machines elsewhere would get it too" (
          orElsewhere
        )
      else
        { address = plain; }
    else if isAddress plain && isSpecial plain then
      wrong " is not an address that a host can have on a local network" (
        "use a private, unique local or global address${orThere}"
      )
    else if isAddress plain && found == null then
      wrong " has no prefix length, as an address of a local network has" orDeclared
    else if found == null then
      wrong " is not an IP address with a prefix length" (
        ''write an address such as "192.168.1.10", or one of a local network such as "192.168.1.10/24"''
      )
    else if sizes != [ ] then
      wrong ": ${(head sizes).rule}" orDeclared
    # First the prefix length: with a wrong one, an address may seem to be that of the network.
    else if named != null && networks ? ${named} && !elem named known then
      wrong ": local network '${named}' has the prefix ${networks.${named}.prefix}, not ${own.prefix}" (
        if elem named suitable then orElsewhere else "correct the address, or that prefix"
      )
    else if named == null && known == [ ] && suitable != [ ] then
      wrong (
        ": no local network ${own.prefix} is declared, and the address is in ${settingsOf suitable}, with"
        + " another prefix length"
      ) (orElsewhere + (if misplaced == null then ", or ${declare "<name>" own}" else ""))
    else if misplaced != null && places == [ ] then
      wrong ": ${address} ${misplaced}" (
        "${itself}, without a prefix length if it is valid everywhere; if not, ${declare "<name>" own}"
      )
    else if misplaced != null then
      wrong ": ${address} ${misplaced}" itself
    else if named != null && !(networks ? ${named}) then
      wrong ": there is no local network '${named}'" (
        if known != [ ] then
          "use ${alternatives known}"
        else if suitable != [ ] then
          orElsewhere
        else if isNetworkName named then
          declare named own
        else
          "write \"${head parts}\", and ${declare "<name>" own}"
      )
    else if known == [ ] && places != [ ] then
      wrong ": no local network ${own.prefix} is declared, and ${address} ${unsuitable}" (
        "${itself}, or ${declare "<name>" own}"
      )
    else if known == [ ] then
      wrong ": no local network ${own.prefix} is declared, so nobody can tell where the address is valid" (
        ''write "${address}" if it is valid everywhere, or '' + declare "<name>" own
      )
    else if named == null && length known > 1 then
      wrong ": the local networks ${quoted known} have this prefix" (
        ''write which one it is, such as "${head parts}@${head known}"''
      )
    else
      { address = "${address}@${if named == null then head known else named}"; };
  alternatives = concatMapStringsSep " or " (name: "'${name}'");

  # Any name that is chosen here could be another network's, or be in two messages.
  declare = name: own: ''
    declare that network, in the settings of the role default:
        localNetworks.${name} = {
          prefix = "${own.prefix}";
          router = { address = "${own.first}"; linkAddress = "<link address>"; };
        };
      with the address of a host that is always there, and its link address: ${findLinkAddress own.first}'';
in
{
  inherit parseAddress;

  # as the zone spec has them
  localNetworks = networks;

  networkProblems =
    concatMap problemsOf (attrNames networks)
    ++ map (names: {
      subject = "settings ${settingsOf names}";
      rule = "they have the same router, so they cannot be told apart";
      remedy = "correct router.linkAddress, or remove all but one of them";
    }) ambiguous
    ++ optional (length (attrNames networks) > limits.networks) {
      subject = "setting localNetworks of the role default";
      rule =
        "it has ${toString (length (attrNames networks))} networks; a clan has at most"
        + " ${toString limits.networks}";
      remedy = "remove some of them";
    };
}
