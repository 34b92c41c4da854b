# The clan of the case `lan` of checks/module, with the addresses of its VPNs on the one link, where
# zerotier and yggdrasil are not needed for them.
{
  # Whether machines boot with these addresses.
  hasVpns ? true,
}:
{ lib, ... }:
let
  example = builtins.fromJSON (builtins.readFile ../demo/spell.json);
  case = import ../module/cases/lan.nix {
    inherit lib;
    common = import ../module/common.nix {
      inherit lib;
      dmDnsInput = "self";
      servicesInput = "self";
    };
  };
  isZerotier = lib.hasPrefix "fd";
in
{
  imports = [ case.clan ];
  meta.name = "dm-dns";
  modules = {
    dm-dns = ../../modules/dm-dns;
  }
  // import ../module/services.nix;

  machines = lib.mapAttrs (machine: addresses: {
    networking.interfaces.eth1.ipv6.addresses = lib.optionals hasVpns (
      map (address: {
        inherit address;
        prefixLength = if isZerotier address then 64 else 7;
      }) addresses
    );
    # The module leaves that to the machine's owner.
    networking.firewall = lib.mkIf (machine == "zoltraak") {
      allowedTCPPorts = [ 53 ];
      allowedUDPPorts = [ 53 ];
    };
  }) example.machines;
}
