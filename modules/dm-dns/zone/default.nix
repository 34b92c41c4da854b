# The zone spec, made from what the services of a clan export. It needs neither `pkgs` nor the
# configuration of a machine.
#
# python/src/dm_dns/zone/spec.py checks the same rules. Here they stop the evaluation, with a
# message that says who exports what.
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
    concatMap
    concatMapStringsSep
    concatStringsSep
    filter
    groupBy
    hasSuffix
    head
    last
    length
    mapAttrs
    mapAttrsToList
    optional
    optionals
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
  inherit
    (import ./addresses.nix {
      inherit
        clanLib
        lib
        machineSettings
        scopes
        ;
    })
    addressesOf
    settingsProblems
    ;

  scopes = mapAttrsToList (key: export: clanLib.parseScope key // { inherit export; }) exports;

  # A machine is in the zone if it exports something or has the role default.
  exporters = filter (machine: machine != "") (map (scope: scope.machineName) scopes);
  machines = uniqueStrings (exporters ++ attrNames machineSettings);
  addresses = lib.genAttrs machines addressesOf;
  machinesByName = groupBy (machine: "${toLower machine}.${domain}") machines;

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

  # Several services of one machine may export the same host: one entry is enough.
  onePerMachine =
    same:
    if length same == 1 then
      same
    else
      mapAttrsToList (_machine: head) (groupBy (endpoint: endpoint.machine) same);
  hosts = mapAttrs (_host: onePerMachine) (groupBy (endpoint: endpoint.host) exported);

  # A host of several machines has their addresses instead of a CNAME, so one must be known.
  hasNoAddress =
    host:
    length hosts.${host} > 1
    && all (endpoint: (addresses.${endpoint.machine}.addresses or [ ]) == [ ]) hosts.${host};
  # They may come with the first `clan vars generate`; until then the zone does not have the host.
  isPending = host: any (endpoint: addresses.${endpoint.machine}.pending or false) hosts.${host};

  changeHost = "give the service another host; its settings or its module set it";
  describe =
    endpoint:
    "host ${builtins.toJSON endpoint.host} of service '${endpoint.service}', instance"
    + " '${endpoint.instance}', role '${endpoint.role}' on machine '${endpoint.machine}'";

  endpointProblems =
    endpoint@{ host, machine, ... }:
    let
      spelling = names.problem host;
      namesakes = machinesByName.${host} or [ machine ];
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
      problem spelling changeHost
    else if host == "${names.statusLabel}.${domain}" then
      problem names.reserved changeHost
    else if machine == "" then
      problem "it is exported without a machine, so no machine would answer" (
        "export it with mkExports in a role's perInstance, or remove it and set"
        + " roles.default.machines.<machine>.settings.names of dm-dns"
      )
    else if namesakes != [ machine ] then
      problem "it is the name of machine '${head namesakes}'" changeHost
    else
      [ ];

  hostProblems =
    host:
    concatMap endpointProblems hosts.${host}
    ++ optionals (length hosts.${host} > 1) (
      tooManyAddresses (concatMapStringsSep ",\n" describe hosts.${host}) (
        map (endpoint: endpoint.machine) hosts.${host}
      )
    )
    ++ optional (hasNoAddress host && !isPending host) {
      subject = concatMapStringsSep ",\n" describe hosts.${host};
      rule = "several machines export it, and no address of any of them is known";
      remedy = "set roles.default.machines.<machine>.settings.addresses of dm-dns for them";
    };

  # What the name of these machines has; `subject` says whose that is.
  tooManyAddresses =
    subject: owners:
    let
      count = length (
        uniqueStrings (concatMap (machine: addresses.${machine}.addresses or [ ]) owners)
      );
    in
    optional (count > limits.addresses) {
      inherit subject;
      rule =
        "the name has ${toString count} addresses; a name has at most"
        + " ${toString limits.addresses}";
      remedy = "export it on fewer machines, or remove addresses of these";
    };

  domainProblems = optional (stringLength domain > limits.domain) {
    subject = "domain '${domain}'";
    rule =
      "it has ${toString (stringLength domain)} characters; the domain of a clan has at most"
      + " ${toString limits.domain}";
    remedy = "set a shorter meta.domain";
  };

  machineProblems =
    name:
    let
      owners = machinesByName.${name};
      labelProblem = names.machineProblem (toLower (head owners));
      size = stringLength name;
      rule =
        if labelProblem == null && size > limits.name then
          "'${name}' has ${toString size} characters; a name has at most ${toString limits.name}"
        else
          labelProblem;
    in
    tooManyAddresses "machine '${head owners}'" owners
    ++ optional (rule != null) {
      inherit rule;
      subject = "machine '${head owners}'";
      remedy = "rename the machine";
    }
    ++ optional (length owners > 1) {
      subject = "machines ${concatMapStringsSep " and " (owner: "'${owner}'") owners}";
      rule = "they differ only in case, which DNS names ignore";
      remedy = "rename all but one";
    };

  machineSettingsProblems =
    machine:
    settingsProblems machine
    ++ map (host: {
      subject = "setting names of machine '${machine}'";
      rule = "${builtins.toJSON host} is not below the clan's domain";
      remedy = "write the whole name, such as git.${domain}";
    }) (filter (host: !isInternal (names.canonical host)) machineSettings.${machine}.names);

  problems =
    domainProblems
    ++ concatMap machineSettingsProblems (attrNames machineSettings)
    ++ concatMap machineProblems (attrNames machinesByName)
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
    inherit domain;
    endpoints = concatMap (host: optionals (!hasNoAddress host) hosts.${host}) (attrNames hosts);
    machines = mapAttrs (_machine: known: { inherit (known) addresses; }) addresses;
  }
