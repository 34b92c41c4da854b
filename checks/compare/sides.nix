# The machines of the clan of the scenarios as dm-dns configures them, and what clan-core's own dm-dns
# configures on machines with the same names and addresses. `client` has a service here too, and the
# domain is one that systemd-resolved does not exempt from DNSSEC.
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

  ours =
    lib.recursiveUpdate
      (import ../vm/clan.nix {
        domain = "pin";
        module.input = "dm-dns";
        module.name = "dm-dns";
      } { inherit lib; })
      {
        inventory.instances.dm-dns.roles.default.machines.client.settings.names = [ "own.pin" ];
      };
  members = ours.inventory.instances.dm-dns.roles.default.machines;
  machineNames = lib.attrNames ours.inventory.machines;

  # Where clan-core's own looks for machines' addresses, and what NixOS writes to /etc/hosts.
  hosts = lib.mapAttrs' (
    machine: member:
    lib.nameValuePair (lib.head member.settings.addresses) [ "${machine}.${ours.meta.domain}" ]
  ) members;

  nixos = {
    # An option of NixOS that only clan-core's own uses, with where containers have it.
    options.services.unbound.package = lib.mkOption { default = "/nix/store/unbound"; };
    config.networking = { inherit hosts; };
  };

  theirs = kit.clan {
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

  evaluate =
    clan:
    lib.genAttrs machineNames (machine: snapshot.machine clan.nixosConfigurations.${machine}.config);
in
{
  ours = evaluate (
    kit.clan {
      directory = ../module/clan;
      imports = [ ours ];
    }
  );
  theirs = lib.mapAttrs (
    _machine: values:
    lib.filterAttrs (
      key: _value:
      lib.any (start: lib.hasPrefix start key) [
        "services.resolved"
        "services.unbound"
        "systemd."
        "users."
      ]
    ) values
    // {
      "networking.hosts" = hosts;
    }
  ) (evaluate theirs);
}
