# Whether the next evaluation accepts what a message proposes: a row of a file in `remedies` has a clan with
# one mistake, and that clan after each remedy that the message proposes. A row says
#   message   words that only this message has
#   mistake   what the clan has besides `base`: a module of clan-core
#   remedies  { <the words of a remedy> = <what it has in place of that, as they say>; }, or, where evaluation
#             cannot tell, a text that says why
{
  # as in default.nix
  clanCore,
  guard,
  lib,
}:
let
  inherit (lib)
    attrNames
    concatMapAttrs
    filterAttrs
    isString
    mapAttrs
    mapAttrs'
    mkDefault
    mkForce
    nameValuePair
    take
    ;

  kit = import ./clan.nix { inherit clanCore lib; };
  common = import ./common.nix { inherit lib; };
  snapshot = import ./snapshot.nix {
    inherit lib;
    guard = false;
    summary = true;
  };

  # One that several machines may have. What a row sets takes its place.
  someAddress.addresses = mkDefault [ "203.0.113.1" ];

  # The machine `server`, with dm-dns and an address.
  base = {
    directory = mkDefault ./clan;
    meta.domain = mkDefault "test";
    inventory.machines.server = { };
    inventory.instances.dm-dns = lib.recursiveUpdate (common.dm-dns [ ]) {
      roles.default.settings = mkDefault someAddress;
    };
  };

  # What rows are written with. A machine that they name is in the clan.
  helpers = rec {
    inherit common lib;

    all = imports: { inherit imports; };
    machines = names: { inventory.machines = lib.genAttrs names (_machine: { }); };

    # settings of the role default: for all machines, for one, and for `server`
    role = settings: { inventory.instances.dm-dns.roles.default.settings = someAddress // settings; };
    machine = name: settings: {
      inventory.instances.dm-dns.roles.default.machines.${name} = { inherit settings; };
      inventory.machines.${name} = { };
    };
    server = machine "server";

    # the configuration of the machine `server`
    nixos = config: { machines.server = config; };

    # { <machine> = [ <what it exports> ]; }
    endpoints =
      hosts:
      all [
        (machines (attrNames hosts))
        { inventory.instances.chat = common.exports "endpoints" hosts; }
      ];
    vpn =
      addresses:
      all [
        (machines (attrNames addresses))
        {
          inventory.instances.vpn = common.exports "vpn" (
            mapAttrs (_machine: map (address: { plain = address; })) addresses
          );
        }
      ];

    # with the role default on these machines only
    onlyOn =
      names:
      all [
        (machines names)
        {
          inventory.instances.dm-dns.roles.default = {
            machines = lib.genAttrs names (_machine: { });
            tags = mkForce [ ];
          };
        }
      ];
    # `server` is taken out of the role default.
    withoutServer = onlyOn [ "client" ];
  };

  # What dm-dns, clan-core and NixOS say of a clan, by the machine and the entry of its snapshot.
  said =
    module:
    let
      clan = kit.clan {
        imports = [
          base
          module
        ];
      };
      ofMachines = taken: mapAttrs (_machine: evaluated: taken evaluated.config);
      entries =
        { "" = snapshot.exports clan.exports; }
        // ofMachines snapshot.machine clan.nixosConfigurations
        // ofMachines snapshot.mac clan.darwinConfigurations;
      byName = concatMapAttrs (
        machine: mapAttrs' (key: nameValuePair (if machine == "" then key else "${machine}: ${key}"))
      ) entries;
      fails = _name: value: !(builtins.tryEval (builtins.deepSeq value null)).success;
      failing = filterAttrs fails byName;
      isSaid =
        name: value:
        (lib.hasSuffix ": assertions" name || lib.hasSuffix ": warnings" name) && value != [ ];
    in
    filterAttrs isSaid (removeAttrs byName (attrNames failing))
    # What throws is in many entries.
    // lib.genAttrs (take 1 (attrNames failing)) (
      name: if guard then { throws = null; } else failing.${name}
    );

  outcomes = mapAttrs (
    _title: row: {
      inherit (row) message;
      mistake = said row.mistake;
      remedies = mapAttrs (
        _words: remedy: if isString remedy then remedy else said remedy
      ) row.remedies;
    }
  );
in
mapAttrs' (
  file: _type:
  nameValuePair (lib.removeSuffix ".nix" file) (outcomes (import (./remedies + "/${file}") helpers))
) (builtins.readDir ./remedies)
