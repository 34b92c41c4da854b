# The clan service: its manifest, its two roles, and the zone spec, which all machines share.
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
  constants = import ./constants.nix;

  # A clan has one zone, so one instance makes it. Every other instance only fails an assertion.
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

  # From here to `in` everything is evaluated once for the clan. In `perInstance` it would be evaluated
  # again for each machine.
  machineSettings = import ./zone/machine-settings.nix {
    inherit lib meta;
    role = roles.default or { };
  };
  # What a module sets of the settings of the role default, evaluated.
  evalSettings =
    module:
    lib.evalModules {
      specialArgs = { inherit meta; };
      modules = [
        ./settings.nix
        module
      ];
    };
  clanZone = import ./zone {
    inherit
      clanLib
      domain
      exports
      lib
      machineSettings
      ;
  };
  zone = {
    inherit domain machineSettings;
    inherit (clanZone)
      describeName
      devices
      hasReverse
      isName
      namesWithoutAddress
      pending
      warnings
      ;
    specJSON = builtins.toJSON clanZone.spec;
    # Where the routers of local networks are.
    prefixes = lib.uniqueStrings (
      lib.mapAttrsToList (_name: network: network.prefix) (clanZone.spec.localNetworks or { })
    );
    endpointsByMachine = lib.groupBy (endpoint: endpoint.machine) clanZone.spec.endpoints;
  };
in
{
  _class = "clan.service";
  manifest.name = "dm-dns";
  manifest.description = "DNS for a clan: every exported host name resolves on every machine";
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
    description = "Resolves the clan's names, even while the mesh is down";
    interface = ./settings.nix;

    perInstance =
      {
        instanceName,
        machine,
        mkExports,
        settings,
        ...
      }:
      let
        inherit (machineSettings.${machine.name}) names;
      in
      {
        exports = optionalAttrs (instanceName == instance && names != [ ]) (mkExports {
          endpoints.hosts = names;
        });

        nixosModule = onlyFor instanceName (
          importApply ./node {
            inherit
              constants
              machine
              settings
              zone
              ;
          }
        );

        darwinModule = onlyFor instanceName (
          importApply ./darwin {
            inherit
              domain
              evalSettings
              instanceName
              machine
              machineSettings
              ;
            inherit (clanZone) names warnings;
            inherit (zone) prefixes;
          }
        );
      };
  };

  roles.push = {
    description = "Signs the clan's zone and distributes it to all machines";
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
          dataMesher.files.${constants.meshFile} = [
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
          importApply ./push {
            inherit
              constants
              domain
              machine
              settings
              ;
          }
        );

        darwinModule = onlyFor instanceName (importApply ./darwin/push.nix { inherit machine; });
      };
  };
}
