# The devices: what has names and is not a machine of the clan. Machines set them, normally all alike.
{
  # see addresses.nix
  addressProblems,
  # see default.nix
  concernsDomain,
  configuredAddresses,
  domain,
  lib,
  # see machine-settings.nix
  machineSettings,
  names,
}:
let
  inherit (lib)
    attrNames
    concatMap
    concatMapStringsSep
    concatStringsSep
    filter
    groupBy
    head
    length
    mapAttrs
    mapAttrsToList
    optional
    optionals
    sort
    toLower
    uniqueStrings
    ;
  inherit (builtins) toJSON;

  # Nearly all machines have the same setting, so each value is looked at once.
  settings = mapAttrsToList (_text: machines: {
    inherit machines;
    inherit (machineSettings.${head machines}) devices;
  }) (groupBy (machine: toJSON machineSettings.${machine}.devices) (attrNames machineSettings));

  # By the names in lower case, which is what DNS compares: each spelling and each value, with the
  # machines that set it.
  definitions = groupBy (definition: toLower definition.device) (
    concatMap (
      { devices, machines }:
      mapAttrsToList (device: value: {
        inherit device machines;
        inherit (value) addresses;
        names = map names.canonical value.names;
      }) devices
    ) settings
  );

  # In which order a machine lists them, and how often, does not matter.
  meaning =
    { addresses, names, ... }:
    let
      set = list: sort builtins.lessThan (uniqueStrings list);
    in
    toJSON [
      (set (map toLower addresses))
      (set names)
    ];
  meanings = mapAttrs (_label: groupBy meaning) definitions;

  allMachines = length (attrNames machineSettings);
  machinesOf = concatMap (definition: definition.machines);
  quoted = concatMapStringsSep ", " (name: "'${name}'");
  ofMachines =
    machines:
    let
      count = length machines;
    in
    if count == 1 then
      "of machine ${quoted machines}"
    else if count <= 5 then
      "of machines ${quoted machines}"
    else
      "of ${toString count} machines, such as '${head machines}'";
  describe =
    device:
    let
      machines = machinesOf definitions.${toLower device};
    in
    "device '${device}' in the setting devices "
    + (if length machines == allMachines then "of the role default" else ofMachines machines);

  problemsOf =
    label:
    let
      same = definitions.${label};
      inherit (head same) addresses device names;
      subject = describe device;
      spellings = uniqueStrings (map (definition: definition.device) same);
    in
    if length spellings > 1 then
      [
        {
          subject = "devices ${quoted spellings}";
          rule = "they differ only in case, which DNS names ignore";
          remedy = "rename or remove all but one";
        }
      ]
    else if length (attrNames meanings.${label}) > 1 then
      [
        {
          subject = "device '${device}'";
          rule =
            "machines set it differently: "
            + concatStringsSep "; " (
              mapAttrsToList (
                _meaning: alike:
                "addresses ${toJSON (head alike).addresses} and names ${toJSON (head alike).names} in the"
                + " settings ${ofMachines (machinesOf alike)}"
              ) meanings.${label}
            );
          remedy =
            "set it once, in roles.default.settings.devices of dm-dns, and not in the settings of"
            + " machines";
        }
      ]
    else
      optional (addresses == [ ]) {
        inherit subject;
        rule = "it has no address";
        remedy = ''write devices.${device}.addresses = [ "192.168.1.20" ], with its address'';
      }
      ++ addressProblems subject addresses
      ++ map (host: {
        subject = "name ${toJSON host} of ${subject}";
        rule = "it is not below the clan's domain";
        remedy = "write a whole name below it, such as print.${domain}, or remove this one";
      }) (filter (host: !concernsDomain host) names);
in
{
  # whose it is, and where it is set, for messages
  describeDevice = describe;

  # { <device> = { addresses, names }; }, as the zone spec has it
  devices = lib.mapAttrs' (
    _label: same:
    lib.nameValuePair (head same).device {
      addresses = configuredAddresses (head same).addresses;
      names = uniqueStrings (filter concernsDomain (head same).names);
    }
  ) definitions;

  # { <device> = [ <the machines that set it> ]; }, without any if all do.
  setBy = lib.mapAttrs' (
    _label: same:
    let
      machines = machinesOf same;
    in
    lib.nameValuePair (head same).device (optionals (length machines < allMachines) machines)
  ) definitions;

  deviceSettingsProblems = concatMap problemsOf (attrNames definitions);
}
