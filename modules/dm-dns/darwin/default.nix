# Role default on macOS: the Mac asks machines that have the setting `listen` for the clan's names.
# Nothing of dm-dns runs on it.
{
  domain,
  # see ../default.nix
  evalSettings,
  instanceName,
  machine,
  # see ../zone/machine-settings.nix
  machineSettings,
  # see ../zone/default.nix
  names,
  # of local networks
  prefixes,
  # see ../zone/warnings.nix
  warnings,
}:
{ config, lib, ... }:
let
  inherit (lib)
    any
    attrNames
    concatMap
    concatMapStrings
    concatStringsSep
    elemAt
    filter
    filterAttrs
    foldl'
    genAttrs
    head
    length
    mapAttrsToList
    match
    max
    mkAfter
    mkIf
    optional
    range
    removePrefix
    take
    toLower
    uniqueStrings
    ;
  inherit (import ../ip.nix { inherit lib; }) isWithin;
  inherit (config.clanConfig.inventory) instances machines;

  listening = filterAttrs (
    name: found: machines.${name}.machineClass != "darwin" && found.listen != [ ]
  ) machineSettings;
  answering = filterAttrs (_name: found: found.allow != [ ]) listening;

  # The first address of each, then the second ones: another machine helps more when one is down.
  addresses = mapAttrsToList (_name: found: found.listen) answering;
  most = foldl' (sofar: list: max sofar (length list)) 0 addresses;
  inTurns = concatMap (
    index: concatMap (list: optional (length list > index) (elemAt list index)) addresses
  ) (range 0 (most - 1));

  # In a network that only has the same prefix, such an address is a stranger's, who would be asked first.
  isLocal = address: any (prefix: isWithin prefix (toLower address)) prefixes;
  sorted = lib.partition isLocal (lib.unique inTurns);

  # MAXNS in resolver(5): macOS ignores all lines after so many.
  servers = take 3 (sorted.wrong ++ sorted.right);

  # For which domains these machines are asked: that of the clan or, if others have names of it as well,
  # the clan's names, because those machines would say that the others' do not exist. Left out are the
  # names that are not ASCII, which programs ask for in another form.
  # Without a server, macOS goes on asking whom it asks otherwise.
  domains =
    if servers == [ ] then
      [ ]
    else if machineSettings.${machine.name}.wholeDomain then
      [ domain ]
    else
      filter (name: match "[ -~]+" name != null) (uniqueStrings (map (removePrefix "*.") names));

  # Of what is set for the Mac itself: settings of the role and of its tags are for other machines too.
  ownSettings = evalSettings (
    instances.${instanceName}.roles.default.machines.${machine.name}.settings or { }
  );
  withoutEffect =
    filter (name: ownSettings.config.${name} != ownSettings.options.${name}.default)
      [
        "allow"
        "listen"
        "port"
        "reverse"
        "search"
      ];
in
{
  assertions = [
    {
      assertion = listening == { } || answering != { };
      message = ''
        dm-dns: '${machine.name}' is a Mac, which asks NixOS machines for the clan's names, and those
        with the setting listen answer nobody: ${concatStringsSep ", " (attrNames listening)}.
        Set allow for them, to the networks from which the Mac asks.
      '';
    }
    {
      assertion = withoutEffect == [ ];
      message = ''
        dm-dns: '${machine.name}' is a Mac, on which these settings have no effect:
        ${concatStringsSep ", " withoutEffect}.
        No program of dm-dns runs there, so it answers no other device, and macOS looks up short names
        in its own search domains (networking.search). Set them on NixOS machines.
      '';
    }
  ];

  # Not an assertion: with the role on all machines of a clan that only wants names on the others, Macs
  # must still evaluate.
  warnings =
    warnings.${machine.name}
    ++ optional (listening == { }) ''
      dm-dns: '${machine.name}' is a Mac, which asks NixOS machines for the clan's names, and none of
      them has the setting listen, so the Mac resolves no name of the clan.
      Set it on one that the Mac reaches:
        roles.default.machines.<machine>.settings = {
          listen = [ "192.168.1.1" ];
          allow = [ "192.168.1.0/24" ];
        };
      or take '${machine.name}' out of the role default.
    ''
    ++ import ../mdns.nix {
      inherit domain lib;
      inherit (machineSettings.${machine.name}) wholeDomain;
    };

  # As in resolver(5) of macOS. `flags` is not in that manual page, but configd reads it since OS X 10.8.
  # Without it, macOS looks for IPv6 addresses only while a network of its System Settings has IPv6:
  # VPNs such as zerotier do not count.
  environment.etc = genAttrs (map (name: "resolver/${name}") domains) (_path: {
    text = ''
      # Who answers for the clan's names (dm-dns)
      ${concatMapStrings (address: "nameserver ${address}\n") servers}flags a aaaa
    '';
  });

  # Each file is a link that stays the same when what it leads to changes, and configd reads the folder
  # again only when something in it changes.
  system.activationScripts.etc = mkIf (domains != [ ]) {
    text = mkAfter ''
      touch -h ${lib.escapeShellArg "/etc/resolver/${head domains}"}
    '';
  };
}
