# The command `dm-send-dns`, with which an administrator pushes the zone.
{
  # of `dm-dns push`, except for the key
  arguments,
  # path of the private key on the machine
  key,
  machine,
  zoneConf,
}:
{
  config,
  lib,
  pkgs,
  ...
}:
let
  notGenerated = ''
    dm-dns: when '${machine.name}' was deployed, the zone was not generated yet.
    Run 'clan vars generate ${machine.name}' and deploy it again.
  '';
in
{
  environment.systemPackages = [
    (pkgs.writeShellApplication {
      name = "dm-send-dns";
      runtimeInputs = [
        config.services.data-mesher.package
        config.services.dm-dns.package
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
