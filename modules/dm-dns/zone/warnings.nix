# What a clan may set and hardly means, with what happens: { <machine> = [ <warnings> ]; }. Each is
# on one machine, however many it concerns.
{
  # see default.nix
  addresses,
  # see devices.nix
  describeDevice,
  devices,
  lib,
  # see networks.nix
  localNetworks,
  # see machine-settings.nix
  machineSettings,
}:
let
  inherit (lib)
    any
    attrNames
    concatMap
    concatMapStringsSep
    concatStringsSep
    elemAt
    filter
    head
    length
    optional
    optionalString
    optionals
    splitString
    subtractLists
    take
    toLower
    ;

  inherit (import ../ip.nix { inherit lib; })
    isAddress
    isWithin
    mayHaveReverse
    numbers
    unanswered
    ;

  inherit (import ./elsewhere.nix { inherit lib; }) outsideOf prefixesOfPlace;

  # An address as the zone spec has it.
  parse =
    text:
    let
      parts = splitString "@" text;
    in
    {
      address = elemAt parts 0;
      network = if length parts == 2 then elemAt parts 1 else null;
    };
  ofMachine =
    machine:
    map (
      text:
      parse text
      // {
        inherit machine;
        owner = "machine '${machine}'";
      }
    ) addresses.${machine}.addresses;
  ofDevice =
    device: map (text: parse text // { owner = describeDevice device; }) devices.${device}.addresses;
  ofMachines = lib.mapAttrs (machine: _known: ofMachine machine) addresses;
  all =
    concatMap (machine: ofMachines.${machine}) (attrNames addresses)
    ++ concatMap ofDevice (attrNames devices);

  # The local networks in which something has an address.
  usedNetworks = filter (name: any (one: one.network == name) all) (attrNames localNetworks);

  # Those that a machine is on for certain: it has an address there, or answers on one. Several may have
  # the prefix of such an address; one of them is the machine's.
  networksOf =
    machine:
    let
      own = filter (name: any (one: one.network == name) ofMachines.${machine}) (
        attrNames localNetworks
      );
      isOwn = prefix: any (name: localNetworks.${name}.prefix == prefix) own;
      listensIn =
        prefix: any (address: isWithin prefix (toLower address)) machineSettings.${machine}.listen;
    in
    filter (
      name:
      let
        inherit (localNetworks.${name}) prefix;
      in
      lib.elem name own || !isOwn prefix && listensIn prefix
    ) usedNetworks;

  list = texts: "[ ${concatMapStringsSep " " builtins.toJSON texts} ]";

  answersElsewhere =
    machine:
    let
      inherit (machineSettings.${machine}) allow listen;
    in
    concatMap (
      name:
      let
        prefixes = prefixesOfPlace name localNetworks;
        outside = outsideOf prefixes allow;
        # Devices of the network may be in a wider one.
        allowed =
          subtractLists outside allow
          ++ filter (prefix: any (network: isWithin (toLower network) prefix) outside) prefixes;
        asked = subtractLists (unanswered {
          inherit listen;
          allow = allowed;
        }) listen;
      in
      optional (outside != [ ]) ''
        dm-dns: '${machine}' gives no address on local network '${name}', to its own programs neither,
        because its setting allow has what is not in ${concatStringsSep " and " prefixes}:
        ${concatStringsSep ", " outside}.
        A device there may be elsewhere, where an address on '${name}' is nobody's or a stranger's.
        ${
          if allowed == [ ] then
            "Remove listen and allow"
          else
            "Set allow = ${list allowed}" + optionalString (asked != listen) " and listen = ${list asked}"
        }, and have a machine that is not on '${name}' answer other devices.
      ''
    ) (optionals (listen != [ ]) (networksOf machine));

  # Those of one host only, wherever they are asked for. Machines behind one router may have the same
  # public address.
  isOfOneHost = { address, network, ... }: network != null || mayHaveReverse address;
  shared = filter (same: length (ownersOf same) > 1) (
    lib.attrValues (
      lib.groupBy (
        { address, network, ... }:
        builtins.toJSON [
          (numbers address)
          network
        ]
      ) (filter isOfOneHost all)
    )
  );
  ownersOf = same: lib.uniqueStrings (map (one: one.owner) same);

  # The first of the machines that have it; if none does, the first of all.
  warningOfShared =
    same:
    lib.findFirst (machine: machineSettings ? ${machine}) (head (attrNames machineSettings)) (
      concatMap (one: optional (one ? machine) one.machine) same
    );
  sharedByMachine = lib.groupBy warningOfShared shared;
  isShared =
    same:
    let
      inherit (head same) address network;
      owners = ownersOf same;
      more = length owners - 5;
    in
    ''
      dm-dns: several have the address ${address}${
        optionalString (network != null) " on local network '${network}'"
      }, so their names resolve to one host,
      and the address has no reverse name:
      ${
        concatMapStringsSep "\n" (owner: "  ${owner}") (take 5 owners)
      }${optionalString (more > 0) "\n  and ${toString more} more"}
      Correct it, or leave it to one of them, and give that one the names of the others. If they take the
      address over from each other, make it that of a device of its own only (setting devices).${
        optionalString (network == null) "\nIf they are in different networks, declare these (setting localNetworks)."
      }
    '';

  # An address of its own local network, or one that is valid everywhere, is one host's.
  listensForOthers =
    machine:
    let
      own = ofMachines.${machine};
      sameAs = text: one: numbers one.address == numbers text;
      isThere = one: one.network == null || any (other: other.network == one.network) own;
      othersOf =
        text:
        filter (one: one ? machine && one.machine != machine && sameAs text one && isThere one) all;
    in
    concatMap (
      written:
      let
        text = toLower written;
        others = othersOf text;
      in
      optional (isAddress text && !any (sameAs text) own && others != [ ]) ''
        dm-dns: '${machine}' listens on ${text} for other devices (setting listen), which is an address of
        ${(head others).owner}.
        Write an address of '${machine}' there. If they take the address over from each other, make it
        that of a device of its own only (setting devices).
      ''
    ) machineSettings.${machine}.listen;
in
lib.mapAttrs (
  machine: _settings:
  answersElsewhere machine
  ++ map isShared (sharedByMachine.${machine} or [ ])
  ++ listensForOthers machine
) machineSettings
