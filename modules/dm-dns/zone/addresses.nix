# The addresses of each machine: what network services export, and the setting `addresses`. Those of
# devices are read and checked here as well.
{
  clanLib,
  lib,
  # see machine-settings.nix
  machineSettings,
  # see networks.nix
  parseAddress,
  # the exports of the clan: [ { serviceName, instanceName, roleName, machineName, export } ]
  scopes,
}:
let
  inherit (lib)
    any
    concatMap
    concatStringsSep
    elem
    filter
    groupBy
    hasInfix
    head
    last
    splitString
    toLower
    trim
    uniqueStrings
    ;

  inherit (builtins) toJSON;
  inherit (import ../ip.nix { inherit lib; }) isAddress numbers uselessKind;

  # What these services export is either outside the clan or not an address of a machine.
  outside = [
    "internet"
    "p2p-ssh-iroh"
    "tor"
  ];
  isInside = scope: !elem (last (splitString "/" scope.serviceName)) outside;
  networks = filter (scope: (scope.export.peer or null) != null && isInside scope) scopes;
  networkNames = uniqueStrings (map (scope: scope.instanceName) networks);
  networksByMachine = groupBy (scope: scope.machineName) networks;

  # null for a var that is not generated yet: reading it throws, here or in the service.
  readAddress =
    host:
    let
      value = builtins.tryEval (host.plain or (clanLib.getPublicValue host.var));
    in
    if value.success then toLower (trim value.value) else null;

  # What is not an address may be a host name, and what is of no use to other machines may be of use to
  # another service.
  isUsed = text: text != null && isAddress text && uselessKind text == null;

  # What a setting `addresses` has, without what `addressProblems` is for.
  configuredAddresses =
    texts:
    uniqueStrings (
      map (found: found.address) (filter (found: found ? address) (map parseAddress texts))
    );
  addressProblems =
    subject: texts:
    map (problem: problem // { inherit subject; }) (
      filter (found: found ? rule) (map parseAddress texts) ++ bothProblems texts
    );

  # An address is given on its local network only, or everywhere.
  bothProblems =
    texts:
    let
      known = filter ({ found, ... }: found ? address) (
        map (text: {
          inherit text;
          found = parseAddress text;
        }) texts
      );
      addressOf = { found, ... }: numbers (head (splitString "@" found.address));
      isLocal = { found, ... }: hasInfix "@" found.address;
      everywhere = filter (one: !isLocal one) known;
    in
    concatMap (
      one:
      map (other: {
        rule =
          "${toJSON one.text} is given on its local network only, and the same address,"
          + " ${toJSON other.text}, everywhere";
        remedy =
          "remove ${toJSON one.text} if other machines reach it as well, such as through a VPN, or"
          + " ${toJSON other.text} if they do not";
      }) (filter (other: addressOf other == addressOf one) everywhere)
    ) (filter isLocal known);

  addressesOf =
    machine:
    let
      inherit (machineSettings.${machine} or { networks = null; }) networks;
      used = filter (scope: networks == null || elem scope.instanceName networks) (
        networksByMachine.${machine} or [ ]
      );
      exported = map readAddress (concatMap (scope: scope.export.peer.hosts) used);
      configured = configuredAddresses (machineSettings.${machine}.addresses or [ ]);
    in
    {
      addresses = uniqueStrings (filter isUsed exported ++ configured);
      # A host name that a service exports is in /etc/hosts, as with wireguard.
      isNamed = any (text: text != null && !isAddress text) exported;
      # More addresses follow once the vars are generated.
      pending = elem null exported;
    };
in
{
  inherit addressProblems addressesOf configuredAddresses;

  settingsProblems =
    machine:
    addressProblems "setting addresses of machine '${machine}'" machineSettings.${machine}.addresses
    ++ map (name: {
      subject = "setting networks of machine '${machine}'";
      rule = "no instance ${toJSON name} exports addresses of machines in the clan";
      remedy =
        if networkNames == [ ] then
          "remove the setting; no instance exports any"
        else
          "use one or more of: ${concatStringsSep ", " networkNames}";
    }) (filter (name: !elem name networkNames) (
      if machineSettings.${machine}.networks == null then
        [ ]
      else
        machineSettings.${machine}.networks
    ));
}
