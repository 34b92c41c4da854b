# What clan-core's own dm-dns makes of the machines that the case `three` has, with the same names and
# addresses: only what it configures, for machines that have the rest from that case.
{
  # the sources of clan-core
  clanCore,
  lib,
  guard ? true,
}:
let
  kit = import ../module/clan.nix {
    inherit clanCore lib;
    inputs.theirs.clan.modules.dm-dns = clanCore + "/clanServices/dm-dns";
  };
  common = import ../module/common.nix { inherit lib; };
  snapshot = import ../module/snapshot.nix {
    inherit guard lib;
    summary = false;
  };

  ours = import ../vm/clan.nix {
    module.input = "dm-dns";
    module.name = "dm-dns";
  } { inherit lib; };
  members = ours.inventory.instances.dm-dns.roles.default.machines;

  # Options of NixOS that only this service sets, and machines' addresses where it looks for them.
  nixos = {
    options = {
      networking.hosts = lib.mkOption { type = lib.types.attrsOf (lib.types.listOf lib.types.str); };
      services.resolved.settings = lib.mkOption {
        type = lib.types.attrsOf (lib.types.attrsOf (lib.types.listOf lib.types.str));
      };
      # where containers have it
      services.unbound.package = lib.mkOption { default = "/nix/store/unbound"; };
    };
    config.networking.hosts = lib.mapAttrs' (
      machine: member:
      lib.nameValuePair (lib.head member.settings.addresses) [ "${machine}.${ours.meta.domain}" ]
    ) members;
  };

  clan = kit.clan {
    directory = ../module/clan;
    inherit (ours) meta;
    inventory.machines = ours.inventory.machines;
    inventory.instances = {
      inherit (ours.inventory.instances) data-mesher;
      dm-dns = {
        module.input = "theirs";
        module.name = "dm-dns";
        roles.default.tags = [ "all" ];
        roles.push.machines.server = { };
      };
      services = common.exports "endpoints" (
        lib.mapAttrs (_machine: member: member.settings.names or [ ]) members
      );
    };
    machines = lib.mapAttrs (_machine: _values: nixos) ours.inventory.machines;
  };
in
{
  machines = lib.mapAttrs (
    _machine: system:
    lib.filterAttrs (
      key: _value:
      lib.any (start: lib.hasPrefix start key) [
        "services.resolved"
        "services.unbound"
        "systemd."
        "users."
      ]
    ) (snapshot.machine system.config)
  ) (lib.getAttrs (lib.attrNames ours.inventory.machines) clan.nixosConfigurations);
}
