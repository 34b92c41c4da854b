{
  clanLib,
  config,
  directory,
  exports,
  lib,
  meta,
  ...
}:
let
  inherit (lib)
    attrNames
    head
    optionalAttrs
    ;
  inherit (lib.modules) importApply;
  inherit (meta) domain;

  # A clan has one zone, so one instance makes it; of several, the others only say so.
  instance = head (attrNames config.instances);
  inherit (config.instances.${instance}) roles;

  onlyFor =
    instanceName: module:
    if instanceName == instance then
      module
    else
      {
        assertions = [
          {
            assertion = false;
            message = ''
              dm-dns: a clan has one zone, but two instances, '${instance}' and '${instanceName}'.
              Move the machines of '${instanceName}' to '${instance}', and remove '${instanceName}'.
            '';
          }
        ];
      };

  # Here and not in `perInstance`, which runs for each machine: this is evaluated once.
  members = import ./zone/machines.nix {
    inherit lib;
    role = roles.default or { };
  };
  zoneSpec = import ./zone {
    inherit
      clanLib
      domain
      exports
      lib
      members
      ;
  };
  zone = {
    inherit domain;
    specJSON = builtins.toJSON zoneSpec;
    endpointsByMachine = lib.groupBy (endpoint: endpoint.machine) zoneSpec.endpoints;
  };
in
{
  _class = "clan.service";
  manifest.name = "dm-dns";
  manifest.description = "Makes the names of the clan's services resolve on all of its machines";
  manifest.categories = [ "Network" ];
  manifest.readme = builtins.readFile ./README.md;
  manifest.constraints.maxInstances = 1;
  manifest.exports.out = [
    "dataMesher"
    "endpoints"
  ];
  manifest.exports.inputs = [
    "endpoints"
    "peer"
  ];

  roles.default = {
    description = "Resolves the clan's names, with or without the mesh";
    interface = ./settings.nix;

    perInstance =
      {
        instanceName,
        machine,
        mkExports,
        settings,
        ...
      }:
      {
        exports = optionalAttrs (instanceName == instance && members.${machine.name}.names != [ ]) (
          mkExports { endpoints.hosts = settings.names; }
        );

        nixosModule = onlyFor instanceName (
          importApply ./node { inherit machine settings zone; }
        );
      };
  };

  roles.push = {
    description = "Signs the clan's zone and sends it to all machines (dm-send-dns)";
    interface = ./push-settings.nix;

    perInstance =
      {
        instanceName,
        machine,
        mkExports,
        settings,
        ...
      }:
      let
        # data-mesher concatenates the keys of all exports, so one machine exports it for all.
        isExporter =
          instanceName == instance && machine.name == head (attrNames roles.push.machines);
      in
      {
        exports = optionalAttrs isExporter (mkExports {
          dataMesher.files."dns/cnames" = [
            (clanLib.getPublicValue {
              flake = directory;
              generator = "dm-dns-signing-key";
              file = "signing.pub";
              default = throw ''
                dm-dns: the key that signs the zone is not generated yet.
                Run 'clan vars generate ${machine.name} -g dm-dns-signing-key'.
              '';
            })
          ];
        });

        nixosModule = onlyFor instanceName (
          importApply ./push { inherit domain machine settings; }
        );
      };
  };
}
