# Services that export what the cases say in their settings.
let
  exporter =
    name: interface:
    { lib, ... }:
    {
      _class = "clan.service";
      manifest = {
        inherit name;
        readme = "Exports ${interface}.";
        exports.out = [ interface ];
      };

      roles.default = {
        description = "Exports its settings";
        interface.options.hosts = lib.mkOption {
          type = lib.types.listOf lib.types.raw;
          default = [ ];
        };
        perInstance =
          { mkExports, settings, ... }:
          {
            exports = mkExports { ${interface}.hosts = settings.hosts; };
          };
      };
    };
in
{
  endpoints = exporter "endpoints" "endpoints";
  internet = exporter "internet" "peer";
  vpn = exporter "vpn" "peer";
}
