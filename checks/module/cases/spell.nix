# The example clan, as its newest zone has it, with what each clan can turn on.
{ common, lib }:
let
  example = builtins.fromJSON (builtins.readFile ../../demo/spell.json);

  isZerotier = lib.hasPrefix "fd";
  addresses =
    isWanted:
    common.exports "vpn" (
      lib.mapAttrs (
        _machine: all: map (plain: { inherit plain; }) (lib.filter isWanted all)
      ) example.machines
    );
in
{
  clan = {
    meta.domain = example.domain;
    inventory.machines = lib.mapAttrs (_machine: _addresses: { }) example.machines;
    inventory.instances = {
      data-mesher = common.data-mesher example.push_machines;
      dm-dns = lib.recursiveUpdate (common.dm-dns example.push_machines) {
        roles.default.settings = {
          inherit (example) devices;
          reverse = true;
          search = true;
        };
      };
      services = common.exports "endpoints" (
        lib.mapAttrs (_machine: map (endpoint: endpoint.host)) (
          lib.groupBy (endpoint: endpoint.machine) (lib.last example.zones).endpoints
        )
      );
      yggdrasil = addresses (address: !isZerotier address);
      zerotier = addresses isZerotier;
    };
  };
}
