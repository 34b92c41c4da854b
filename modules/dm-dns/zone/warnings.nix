# What a clan may set and hardly means, with what happens: { <machine> = [ <warnings> ]; }. Each is
# on one machine, however many it concerns.
{
  # see default.nix
  addresses,
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
    length
    optional
    optionalString
    optionals
    splitString
    subtractLists
    toLower
    ;

  inherit (import ../ip.nix { inherit lib; }) isWithin unanswered;

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
  ofMachine = machine: map (text: parse text // { inherit machine; }) addresses.${machine}.addresses;
  ofDevice = device: map (text: parse text // { inherit device; }) devices.${device}.addresses;
  ofMachines = lib.mapAttrs (machine: _known: ofMachine machine) addresses;
  all = concatMap (machine: ofMachines.${machine}) (attrNames addresses)
    ++ concatMap ofDevice (attrNames devices);

  # The local networks in which something has an address.
  usedNetworks = filter (name: any (one: one.network == name) all) (attrNames localNetworks);

  # Those that a machine is on for certain: it has an address there, or answers on one. Several may have
  # the prefix of such an address; one of them is the machine's.
  networksOf =
    machine:
    let
      own = filter (name: any (one: one.network == name) ofMachines.${machine}) (attrNames localNetworks);
      isOwn = prefix: any (name: localNetworks.${name}.prefix == prefix) own;
      listensIn = prefix: any (address: isWithin prefix (toLower address)) machineSettings.${machine}.listen;
    in
    filter (
      name:
      let
        inherit (localNetworks.${name}) prefix;
      in
      lib.elem name own || !isOwn prefix && listensIn prefix
    ) usedNetworks;

  list = texts: "[ ${concatMapStringsSep " " builtins.toJSON texts} ]";

  # As python/src/dm_dns/node/presence.py has it.
  answersElsewhere =
    machine:
    let
      inherit (machineSettings.${machine}) allow listen;
    in
    concatMap (
      name:
      let
        inherit (localNetworks.${name}) prefix;
        outside = filter (network: !isWithin prefix (toLower network)) allow;
        # Devices of the network may be in a wider one.
        allowed =
          subtractLists outside allow
          ++ optional (any (network: isWithin (toLower network) prefix) outside) prefix;
        asked = subtractLists (unanswered {
          inherit listen;
          allow = allowed;
        }) listen;
      in
      optional (outside != [ ]) ''
        dm-dns: '${machine}' gives no address on local network '${name}', to its own programs neither,
        because its setting allow has what is not in ${prefix}: ${concatStringsSep ", " outside}.
        A device there may be elsewhere, where an address on '${name}' is nobody's or a stranger's.
        ${
          if allowed == [ ] then
            "Remove listen and allow"
          else
            "Set allow = ${list allowed}" + optionalString (asked != listen) " and listen = ${list asked}"
        }, and have a machine that is not on '${name}' answer other devices.
      ''
    ) (optionals (listen != [ ]) (networksOf machine));
in
lib.mapAttrs (machine: _settings: answersElsewhere machine) machineSettings
