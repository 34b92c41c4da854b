# Settings of the role default.
{ lib, ... }:
let
  inherit (lib) mkOption types;

  address = types.strMatching "[0-9a-fA-F:.]+";
  network = types.strMatching "[0-9a-fA-F:.]+(/[0-9]{1,3})?";
in
{
  options = {
    addresses = mkOption {
      type = types.listOf types.str;
      default = [ ];
      example = [
        "fd00::1"
        "192.168.1.10"
      ];
      description = ''
        IP addresses of the machine that no network service exports.
        They are added to those that one does.
      '';
    };

    names = mkOption {
      type = types.listOf types.str;
      default = [ ];
      example = [ "git.clan.lol" ];
      description = ''
        Names the machine answers on that no service exports, such as those of plain NixOS modules.
        They are exported as endpoints, so other services see them as well: pki makes their
        certificates.
      '';
    };

    networks = mkOption {
      type = types.nullOr (types.listOf types.str);
      default = null;
      example = [ "zerotier" ];
      description = ''
        Instances of network services whose addresses the machine's name resolves to.
        All of them if null; addresses of `internet`, `tor` and `p2p-ssh-iroh` are never used.
      '';
    };

    listen = mkOption {
      type = types.listOf address;
      default = [ ];
      example = [ "192.168.1.1" ];
      description = ''
        Addresses of this machine on which it answers others, on port 53: devices without Nix,
        phones in the VPN. Only the clan's names resolve there. Needs `allow`; the firewall is left
        to you.
      '';
    };

    allow = mkOption {
      type = types.listOf network;
      default = [ ];
      example = [ "192.168.1.0/24" ];
      description = "Networks whose devices may ask this machine on the addresses in `listen`.";
    };

    port = mkOption {
      type = types.port;
      default = 5353;
      example = 5354;
      description = "Port of unbound on 127.0.0.1, for the machine's own programs.";
    };
  };
}
