# The zone spec, made from what the services of a clan export and machines' settings, and who sets each
# device. It needs neither `pkgs` nor the configuration of a machine.
#
# python/src/dm_dns/zone/spec.py checks the same rules, except for link addresses of virtual routers
# (networks.nix) and addresses that are set in two ways (addresses.nix). Here they stop the evaluation,
# with a message that says who exports what.
{
  clanLib,
  domain,
  # the exports of the clan
  exports,
  lib,
  # see machine-settings.nix
  machineSettings,
}:
let
  inherit (lib)
    all
    any
    attrNames
    attrValues
    concatMap
    concatMapStringsSep
    concatStringsSep
    elem
    filter
    groupBy
    hasPrefix
    hasSuffix
    head
    last
    length
    mapAttrs
    mapAttrsToList
    optional
    optionals
    removePrefix
    removeSuffix
    splitString
    stringLength
    throwIf
    toLower
    trim
    uniqueStrings
    ;

  limits = import ./limits.nix;
  names = import ./names.nix { inherit lib; };
  inherit (import ../ip.nix { inherit lib; }) mayHaveReverse;
  inherit (import ./networks.nix { inherit lib limits machineSettings; })
    localNetworks
    networkProblems
    parseAddress
    ;
  inherit
    (import ./addresses.nix {
      inherit
        clanLib
        lib
        machineSettings
        parseAddress
        scopes
        ;
    })
    addressProblems
    addressesOf
    configuredAddresses
    settingsProblems
    ;
  inherit
    (import ./devices.nix {
      inherit
        addressProblems
        concernsDomain
        configuredAddresses
        domain
        lib
        machineSettings
        names
        ;
    })
    describeDevice
    deviceSettingsProblems
    devices
    setBy
    ;

  scopes = mapAttrsToList (key: export: clanLib.parseScope key // { inherit export; }) exports;

  # A machine is in the zone if it exports something or has the role default.
  exporters = filter (machine: machine != "") (map (scope: scope.machineName) scopes);
  machines = uniqueStrings (exporters ++ attrNames machineSettings);
  addresses = lib.genAttrs machines addressesOf;
  fullName = owner: "${toLower owner}.${domain}";
  machinesByName = groupBy fullName machines;
  devicesByName = groupBy fullName (attrNames devices);

  # However many dots end the host: more than one breaks a rule, which must be reported.
  suffix = ".${domain}";
  isInternal =
    host:
    hasSuffix suffix host
    || host == domain
    || hasSuffix "." host && isInternal (removeSuffix "." host);

  # A name of the domain in a URL, with a port or with blanks around it is not a name, and would
  # otherwise be ignored as a host of another domain.
  nameIn =
    host: head (builtins.split "[/?#:[:space:]]" (last (splitString "://" (trim host))));
  concernsDomain = host: isInternal host || isInternal (nameIn host);
  exported = concatMap (
    scope:
    map (host: {
      inherit host;
      machine = scope.machineName;
      service = scope.serviceName;
      instance = scope.instanceName;
      role = scope.roleName;
    }) (filter concernsDomain (map names.canonical (scope.export.endpoints.hosts or [ ])))
  ) scopes;

  namesOfDevices = concatMap (
    device: map (host: { inherit device host; }) devices.${device}.names
  ) (attrNames devices);

  # Several services of one machine may export the same host: one entry is enough.
  ownerOf = endpoint: endpoint.device or endpoint.machine;
  onePerOwner =
    same:
    if length same == 1 then same else mapAttrsToList (_owner: head) (groupBy ownerOf same);
  allNames = machinesByName // devicesByName // hosts;
  wildcards = map (removePrefix "*") (filter (hasPrefix "*.") (attrNames hosts));
  hosts = mapAttrs (_host: onePerOwner) (
    groupBy (endpoint: endpoint.host) (exported ++ namesOfDevices)
  );
  addressesOfOwner =
    endpoint:
    if endpoint ? device then
      devices.${endpoint.device}.addresses
    else
      addresses.${endpoint.machine}.addresses or [ ];

  # A host of several machines has their addresses instead of a CNAME, so one must be known.
  hasNoAddress =
    host:
    length hosts.${host} > 1
    && all (endpoint: addressesOfOwner endpoint == [ ]) hosts.${host};
  # They may come with the first `clan vars generate`; until then the zone does not have the host.
  isPending = host: any (endpoint: addresses.${endpoint.machine}.pending or false) hosts.${host};

  # Whether it is in the setting `names`, which ../default.nix exports.
  isOfSetting =
    { host, machine, ... }@endpoint:
    last (splitString "/" endpoint.service) == "dm-dns"
    && elem host (map names.canonical (machineSettings.${machine} or { names = [ ]; }).names);

  describe =
    endpoint:
    if endpoint ? device then
      "name ${builtins.toJSON endpoint.host} of ${describeDevice endpoint.device}"
    else if isOfSetting endpoint then
      "name ${builtins.toJSON endpoint.host} in the setting names of machine '${endpoint.machine}'"
    else
      "host ${builtins.toJSON endpoint.host} of service '${endpoint.service}', instance"
      + " '${endpoint.instance}', role '${endpoint.role}' on machine '${endpoint.machine}'";

  endpointProblems =
    endpoint@{ host, ... }:
    let
      spelling = names.problem host;
      isOther = host != fullName (ownerOf endpoint);
      isNamed = !(endpoint ? device) && isOfSetting endpoint;
      # What is meant, where only a name is wanted.
      bare = nameIn host;
      correct =
        if isNamed && bare != domain && names.problem bare == null then
          "write ${bare}, without a port or a path"
        else
          changeHost;
      changeHost =
        if endpoint ? device then
          "give the device another name there"
        else if isNamed then
          "write another name there, or remove it"
        else
          "give the service another host; its settings or its module set it";
      problem = rule: remedy: [
        {
          inherit rule remedy;
          subject = describe endpoint;
        }
      ];
    in
    if host == domain then
      problem "it is the domain of the clan itself" "use a name below ${domain}"
    else if spelling != null then
      problem spelling correct
    else if host == "${names.statusLabel}.${domain}" then
      problem names.reserved changeHost
    else if ownerOf endpoint == "" then
      problem "it is exported without a machine, so no machine would answer" (
        "export it with mkExports in a role's perInstance, or remove it and set"
        + " roles.default.machines.<machine>.settings.names of dm-dns"
      )
    else if isOther && machinesByName ? ${host} then
      problem "it is the name of machine '${head machinesByName.${host}}'" changeHost
    else if isOther && devicesByName ? ${host} then
      problem "it is the name of device '${head devicesByName.${host}}'" (
        if isNamed then "rename the device, or remove the name" else changeHost
      )
    else
      [ ];

  hostProblems =
    host:
    concatMap endpointProblems hosts.${host}
    ++ optionals (length hosts.${host} > 1) (
      tooManyAddresses (concatMapStringsSep ",\n" describe hosts.${host})
        (concatMap addressesOfOwner hosts.${host})
        "remove some of them, or export the name on fewer machines"
    )
    ++ optional (hasNoAddress host && !isPending host) {
      subject = concatMapStringsSep ",\n" describe hosts.${host};
      rule = "several machines export it, and no address of any of them is known";
      remedy = "set roles.default.machines.<machine>.settings.addresses of dm-dns for them";
    };

  # `subject` says whose name has these addresses.
  tooManyAddresses =
    subject: several: remedy:
    let
      count = length (uniqueStrings several);
    in
    optional (count > limits.addresses) {
      inherit remedy subject;
      rule =
        "the name has ${toString count} addresses; a name has at most"
        + " ${toString limits.addresses}";
    };

  domainProblems = optional (stringLength domain > limits.domain) {
    subject = "domain '${domain}'";
    rule =
      "it has ${toString (stringLength domain)} characters; the domain of a clan has at most"
      + " ${toString limits.domain}";
    remedy = "set a shorter meta.domain";
  };

  # The rule that a machine's or a device's own name breaks.
  ownNameProblem =
    kind: owner: subject:
    let
      name = fullName owner;
      labelProblem = names.ownProblem (toLower owner);
      size = stringLength name;
      rule =
        if labelProblem == null && size > limits.name then
          "'${name}' has ${toString size} characters; a name has at most ${toString limits.name}"
        else
          labelProblem;
    in
    optional (rule != null) {
      inherit rule subject;
      remedy = "rename the ${kind}";
    };

  machineProblems =
    name:
    let
      owners = machinesByName.${name};
      owner = head owners;
      subject = "machine '${owner}'";
    in
    tooManyAddresses subject (concatMap (machine: addresses.${machine}.addresses) owners) (
      "remove some of them"
    )
    ++ ownNameProblem "machine" owner subject
    ++ optional (length owners > 1) {
      subject = "machines ${concatMapStringsSep " and " (owner: "'${owner}'") owners}";
      rule = "they differ only in case, which DNS names ignore";
      remedy = "rename all but one";
    };

  deviceProblems =
    device:
    let
      subject = describeDevice device;
    in
    tooManyAddresses subject devices.${device}.addresses "remove some of them"
    ++ ownNameProblem "device" device subject
    ++ map (machine: {
      inherit subject;
      rule = "it has the name of machine '${machine}'";
      remedy =
        "rename the device, or remove it: a machine's name resolves to the addresses in its own"
        + " setting addresses";
    }) (machinesByName.${fullName device} or [ ]);

  machineSettingsProblems =
    machine:
    settingsProblems machine
    ++ map (host: {
      subject = "setting names of machine '${machine}'";
      rule = "${builtins.toJSON host} is not below the clan's domain";
      remedy = "write a whole name below it, such as git.${domain}, or remove this one";
    }) (filter (host: !concernsDomain (names.canonical host)) machineSettings.${machine}.names);

  problems =
    domainProblems
    ++ networkProblems
    ++ concatMap machineSettingsProblems (attrNames machineSettings)
    ++ deviceSettingsProblems
    ++ concatMap machineProblems (attrNames machinesByName)
    ++ concatMap deviceProblems (attrNames devices)
    ++ concatMap hostProblems (attrNames hosts);
in
throwIf (problems != [ ])
  (concatStringsSep "\n" (
    [ "dm-dns: the exports of this clan do not make a valid zone for ${domain}:" ]
    ++ concatMap (problem: [
      ""
      "${problem.subject}:"
      "  ${problem.rule}"
      "  Remedy: ${problem.remedy}"
    ]) problems
  ))
  {
    spec = {
      inherit domain;
      endpoints = filter (endpoint: !(endpoint ? device)) (
        concatMap (host: optionals (!hasNoAddress host) hosts.${host}) (attrNames hosts)
      );
      machines = mapAttrs (_machine: known: { inherit (known) addresses; }) addresses;
    }
    // lib.optionalAttrs (devices != { }) { inherit devices; }
    // lib.optionalAttrs (localNetworks != { }) { inherit localNetworks; };

    warnings = import ./warnings.nix {
      inherit
        addresses
        describeDevice
        devices
        lib
        localNetworks
        machineSettings
        ;
    };

    # Which machines set each device; none if all do.
    devices = setBy;

    # The names of each machine of which no address is known, without those that others have too.
    namesWithoutAddress =
      let
        isWithout =
          { addresses, isNamed, pending }:
          addresses == [ ] && !isNamed && !pending;
      in
      mapAttrs (_machine: map (endpoint: endpoint.host)) (
        groupBy (endpoint: endpoint.machine) (
          filter (endpoint: !(endpoint ? device) && isWithout addresses.${endpoint.machine}) (
            concatMap (same: optionals (length same == 1) same) (attrValues hosts)
          )
        )
      );

    # Machines of which more addresses follow once the vars are generated.
    pending = attrNames (lib.filterAttrs (_machine: known: known.pending) addresses);

    # Who has a name, for messages.
    describeName = name: concatMapStringsSep ", " describe (hosts.${name} or [ ]);

    # All names, with wildcards.
    names = attrNames allNames;

    # Whether an address of a machine or device may have a reverse name, as far as evaluation knows.
    hasReverse =
      let
        mayHave = any (address: mayHaveReverse (head (splitString "@" address)));
      in
      any (known: known.pending || mayHave known.addresses) (attrValues addresses)
      || any (known: mayHave known.addresses) (attrValues devices);

    # Whether the clan has a name in lower case, as far as evaluation knows.
    isName = name: allNames ? ${name} || any (wildcard: hasSuffix wildcard name) wildcards;
  }
