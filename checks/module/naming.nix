# The naming rules: the zone spec of each case that the Python of dm-dns is tested with as well.
{ clanLib, lib }:
let
  cases = builtins.fromJSON (builtins.readFile ../../python/tests/zone/naming-cases.json);

  key =
    endpoint:
    lib.concatStringsSep ":" [
      endpoint.service
      endpoint.instance
      endpoint.role
      endpoint.machine
    ];

  evaluate =
    {
      devices ? { },
      domain,
      endpoints,
      machines,
    }:
    read (import ../../modules/dm-dns/zone {
      inherit clanLib domain;
      exports = lib.mapAttrs (_key: exported: {
        endpoints.hosts = map (endpoint: endpoint.host) exported;
      }) (lib.groupBy key endpoints);
      machineSettings = lib.mapAttrs (_machine: machine: {
        inherit (machine) addresses;
        inherit devices;
        names = [ ];
        networks = null;
      }) machines;
      # What is thrown cannot be caught in Nix, and is what the cases are about.
      lib = lib // {
        throwIf =
          condition: message: value:
          if condition then { error = message; } else value;
      };
    });
  read = zone: zone.spec or zone;
in
lib.listToAttrs (
  map (case: lib.nameValuePair case.title (evaluate case.spec)) (lib.filter (case: case.nix) cases)
)
