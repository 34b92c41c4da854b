# A module of checks/scenarios on the machines of a clan.
{
  # What clan-core is told of the clan.
  clan,
  # The names of all machines.
  machines,
  # The one that the scenario pushes on, if it does.
  pusher,
  # The folder that has `checks.scenarios`.
  scenarios,
}:
{
  # What the scenario takes after the machines and the zone spec, in Python; `push` is known, and
  # `scenario`, its module.
  arguments ? [ "push" ],
  # More of the test than is in here.
  config ? { },
  # What `arguments` need.
  imports ? "",
  # The name of the module.
  name,
}:
{ lib, ... }:
{
  imports = [ config ];

  name = "dm-dns-${name}";

  clan = {
    imports = [ clan ];
    directory = lib.mkDefault ./.;
    test.useContainers = false;
  };

  defaults =
    { pkgs, ... }:
    {
      environment.systemPackages = [ pkgs.dnsutils ];
    };

  testScript =
    { nodes, ... }:
    let
      inherit (nodes.${pusher}.clan.core.vars) generators;
      push = builtins.toJSON {
        machine = pusher;
        key = generators.dm-dns-signing-key.files."signing.key".path;
        network_id = generators.data-mesher-network.files."network.pub".path;
      };
      byName = map (machine: ''"${machine}": ${machine}'') machines;
      allArguments = [
        "clan"
        "spec"
      ]
      ++ arguments;
      separated = lib.concatStringsSep ", ";
    in
    ''
      import json
      import sys

      sys.path.insert(0, "${scenarios}")
      from checks.scenarios import ${name} as scenario  # type: ignore
      from checks.scenarios.zones import Push  # type: ignore
      ${imports}
      clan = {${separated byName}}
      spec = json.loads(${builtins.toJSON generators.dm-dns.validation.zoneContent})
      push = Push(**json.loads(${builtins.toJSON push}))

      # Not start_all(), whose machines end where they should boot again.
      for machine in clan.values():
          machine.start(allow_reboot=True)
      scenario.run(${separated allArguments})
    '';
}
