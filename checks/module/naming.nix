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

  # A setting has the prefix length of a local network, and the zone spec has its name only.
  withLength =
    networks: text:
    let
      parts = lib.splitString "@" text;
      name = lib.last parts;
      size = lib.last (lib.splitString "/" (networks.${name}.prefix or "192.168.1.0/24"));
    in
    if lib.length parts == 1 then text else "${lib.head parts}/${size}@${name}";

  evaluate =
    {
      devices ? { },
      domain,
      endpoints,
      localNetworks ? { },
      machines,
    }:
    read (import ../../modules/dm-dns/zone {
      inherit clanLib domain;
      exports = lib.mapAttrs (_key: exported: {
        endpoints.hosts = map (endpoint: endpoint.host) exported;
      }) (lib.groupBy key endpoints);
      machineSettings = lib.mapAttrs (_machine: machine: {
        inherit localNetworks;
        addresses = map (withLength localNetworks) machine.addresses;
        devices = lib.mapAttrs (
          _device: values:
          values // { addresses = map (withLength localNetworks) values.addresses; }
        ) devices;
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
