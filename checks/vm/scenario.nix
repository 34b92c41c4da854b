# A module of checks/scenarios on NixOS, with the real data-mesher.
{
  # What clan.nix makes other than by default.
  clan ? { },
  # The name of the module.
  scenario,
  # The folder that has `checks.scenarios`.
  scenarios,
}:
{
  name = "dm-dns-${scenario}";

  clan = {
    imports = [
      (import ./clan.nix (
        {
          module.input = "self";
          module.name = "dm-dns";
        }
        // clan
      ))
    ];
    directory = ./.;
    modules.dm-dns = ../../modules/dm-dns;
    test.useContainers = false;
  };

  defaults =
    { lib, pkgs, ... }:
    {
      environment.systemPackages = [ pkgs.dnsutils ];
      # Without a domain /etc/hosts has the machines' short names only, so that what resolves the
      # others, also for data-mesher, is dm-dns.
      networking.domain = lib.mkForce null;
    };

  testScript =
    { nodes, ... }:
    let
      inherit (nodes.server.clan.core.vars) generators;
      push = builtins.toJSON {
        machine = "server";
        key = generators.dm-dns-signing-key.files."signing.key".path;
        network_id = generators.data-mesher-network.files."network.pub".path;
      };
    in
    ''
      import json
      import sys

      sys.path.insert(0, "${scenarios}")
      from checks.scenarios import ${scenario}, zones  # type: ignore

      start_all()
      ${scenario}.run(
          {"client": client, "server": server, "third": third},
          json.loads(${builtins.toJSON generators.dm-dns.validation.zoneContent}),
          zones.Push(**json.loads(${builtins.toJSON push})),
      )
    '';
}
