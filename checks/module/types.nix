# What the types of the settings do not accept: of each role, settings with one mistake each, by the
# option and the mistake.
{
  # See snapshot.nix.
  guard,
  lib,
}:
let
  mistakes = {
    default = {
      "addresses: text".addresses = "192.168.1.10";
      "allow: name".allow = [ "home" ];
      "devices: list".devices = [ { addresses = [ "192.168.1.20" ]; } ];
      "devices.printer: text".devices.printer = "192.168.1.20";
      "devices.printer.address: no option".devices.printer.address = "192.168.1.20";
      "devices.printer.addresses: text".devices.printer.addresses = "192.168.1.20";
      "devices.printer.names: text".devices.printer.names = "print.test";
      "listen: name".listen = [ "server.test" ];
      "listen: prefix length".listen = [ "192.168.1.1/24" ];
      "listen: text".listen = "192.168.1.1";
      "localNetworks.home: text".localNetworks.home = "192.168.1.0/24";
      "localNetworks.home.linkAddress: no option".localNetworks.home.linkAddress =
        "52:54:00:12:34:56";
      "localNetworks.home.only: text".localNetworks.home.only = "yes";
      "localNetworks.home.prefix: list".localNetworks.home.prefix = [ "192.168.1.0/24" ];
      "localNetworks.home.router.address: list".localNetworks.home.router.address =
        [ "192.168.1.1" ];
      "localNetworks.home.router.linkAddress: number".localNetworks.home.router.linkAddress =
        525400;
      "localNetworks: text".localNetworks = "192.168.1.0/24";
      "localNetworks.home.router: text".localNetworks.home.router = "192.168.1.1";
      "names: text".names = "git.test";
      "networks: text".networks = "zerotier";
      "port: 0".port = 0;
      "port: 65536".port = 65536;
      "port: text".port = "5353";
      "reverse: text".reverse = "yes";
      "search: text".search = "test";
      # As of the role and of a machine.
      "search: two values".imports = [
        { search = true; }
        { search = false; }
      ];
      "shortNames: no option".shortNames = true;
      "wholeDomain: text".wholeDomain = "no";
    };
    push = {
      "automatic: text".automatic = "no";
    };
  };

  evaluate =
    file: settings:
    let
      inherit (lib.evalModules { modules = [ file settings ]; }) config;
      tried = builtins.tryEval (builtins.deepSeq config config);
    in
    if !guard then
      builtins.deepSeq config config
    else if tried.success then
      tried.value
    else
      { throws = null; };
in
{
  default = lib.mapAttrs (_mistake: evaluate ../../modules/dm-dns/settings.nix) mistakes.default;
  push = lib.mapAttrs (_mistake: evaluate ../../modules/dm-dns/push-settings.nix) mistakes.push;
}
