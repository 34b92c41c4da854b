# Role push: make the key, sign the zone and hand it to the mesh.
{
  domain,
  machine,
  settings,
}:
{
  config,
  lib,
  pkgs,
  ...
}:
let
  package = pkgs.callPackage ../../../python/package.nix { };
  inherit (config.clan.core.vars) generators;

  withoutDefault = ''
    dm-dns: '${machine.name}' has the role push but not the role default, which makes the zone.
    Add roles.default.machines.${machine.name} = { } to the instance.
  '';
  withoutMesh = ''
    dm-dns: '${machine.name}' has the role push but no data-mesher to give the zone to.
    Add it to the role default of an instance of data-mesher.
  '';

  zoneConf = generators.dm-dns.files."zone.conf" or (throw withoutDefault);
  notGenerated = ''
    dm-dns: when '${machine.name}' was deployed, the zone was not generated yet.
    Run 'clan vars generate ${machine.name}' and deploy it again.
  '';

  key = generators.dm-dns-signing-key.files."signing.key".path;
  # All but the key.
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
  imports = lib.optional settings.automatic (
    lib.modules.importApply ./units.nix {
      inherit arguments key package;
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

  # Only here: machines that do not sign must not have the key.
  clan.core.vars.generators.dm-dns-signing-key = {
    share = true;
    files."signing.key" = { };
    files."signing.pub".secret = false;
    runtimeInputs = [ package ];
    script = ''
      dm-dns keygen "$out"
    '';
  };

  environment.systemPackages = [
    (pkgs.writeShellApplication {
      name = "dm-send-dns";
      runtimeInputs = [
        config.services.data-mesher.package
        package
      ];
      text =
        if zoneConf.exists then
          ''
            exec dm-dns push ${lib.escapeShellArgs (arguments ++ [ "--key" key ])} "$@"
          ''
        else
          ''
            printf %s ${lib.escapeShellArg notGenerated} >&2
            exit 1
          '';
    })
  ];
}
