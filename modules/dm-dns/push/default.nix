# Role push: signs the clan's zone and passes it to the mesh. Each imported file configures one
# thing, and gets from here what it shares with others. Configured here: what the role requires.
{
  constants,
  domain,
  machine,
  settings,
}:
{ config, lib, ... }:
let
  inherit (lib.modules) importApply;
  inherit (config.clan.core.vars) generators;

  withoutDefault = ''
    dm-dns: '${machine.name}' has the role push but not the role default, which makes the zone.
    Add roles.default.machines.${machine.name} = { } to the instance.
  '';
  withoutMesh = ''
    dm-dns: '${machine.name}' has the role push but no data-mesher to give the zone to.
    Add it to the role default of an instance of data-mesher in which a machine has the role bootstrap.
  '';

  zoneConf = generators.dm-dns.files."zone.conf" or (throw withoutDefault);
  key = generators.dm-dns-signing-key.files."signing.key".path;
  # Arguments of `dm-dns push`, except for the key.
  arguments = [
    zoneConf.path
    "--domain"
    domain
    "--public-key"
    generators.dm-dns-signing-key.files."signing.pub".path
    "--network-id"
    (generators.data-mesher-network.files."network.pub".path or (throw withoutMesh))
  ];
in
{
  imports = [
    ../options.nix
    ./generator.nix
    (importApply ./dm-send-dns.nix {
      inherit
        arguments
        key
        machine
        zoneConf
        ;
    })
  ]
  ++ lib.optional settings.automatic (
    importApply ./units.nix {
      inherit arguments constants key;
      # There is a zone to push, and a mesh.
      isComplete =
        generators.dm-dns.files."zone.conf".exists or false && config.services.data-mesher.enable;
    }
  );

  assertions = [
    {
      assertion = lib.elem "default" machine.roles;
      message = withoutDefault;
    }
    {
      assertion = config.services.data-mesher.enable;
      message = withoutMesh;
    }
  ];
}
