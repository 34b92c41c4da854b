# Settings of the role default. The README lists them; `make record` writes that list.
{ lib, ... }:
let
  inherit (lib) mkOption types;

  # With the name of an interface too, so that an assertion says why that is not possible.
  address = types.strMatching "[0-9a-fA-F:.]+(%.+)?" // {
    description = "IP address";
  };
  network = types.strMatching "[0-9a-fA-F:.]+(/[0-9]{1,3})?" // {
    description = "IP address or network";
  };
in
{
  options = {
    addresses = mkOption {
      type = types.listOf types.str;
      default = [ ];
      example = [
        "fd00::1"
        "192.168.1.10/24"
      ];
      description = ''
        IP addresses of the machine that no network service exports.
        The machine's name resolves to these as well as to the exported ones. One with a prefix
        length is valid on a local network only, and given only there: see `localNetworks`. Write
        `192.168.1.10/24@home` if several networks have that prefix, and `192.168.1.10/32` for one
        that machines elsewhere reach as well, such as through a VPN.
      '';
    };

    localNetworks = mkOption {
      type = types.attrsOf (
        types.submodule {
          options.prefix = mkOption {
            type = types.str;
            default = "";
            example = "192.168.1.0/24";
            description = ''
              The network's addresses. Required.
            '';
          };
          options.router.address = mkOption {
            type = types.str;
            default = "";
            example = "192.168.1.1";
            description = ''
              The address of a host that is always there, such as the router. Required.
            '';
          };
          options.router.linkAddress = mkOption {
            type = types.str;
            default = "";
            example = "52:54:00:12:34:56";
            description = ''
              The link address of that host, which `ip neigh show 192.168.1.1` prints after `lladdr`
              on a machine in the network. Other networks may have the same prefix, but not the same
              router. Required.
            '';
          };
          options.only = mkOption {
            type = types.bool;
            default = false;
            example = true;
            description = ''
              Whether names never have other addresses there. If false, a machine that does not answer
              on the network has the addresses that it has elsewhere.
            '';
          };
        }
      );
      default = { };
      example = {
        home = {
          prefix = "192.168.1.0/24";
          router.address = "192.168.1.1";
          router.linkAddress = "52:54:00:12:34:56";
        };
      };
      description = ''
        Networks on which machines and devices have addresses that mean nothing elsewhere: those with
        a prefix length in `addresses`. A machine that is on such a network resolves names to these
        addresses, and to no others. Set networks once, in `roles.default.settings.localNetworks`:
        one in the settings of a single machine holds for the whole clan as well.
      '';
    };

    names = mkOption {
      type = types.listOf types.str;
      default = [ ];
      example = [ "git.clan.lol" ];
      description = ''
        Names the machine answers on that no service exports, such as those of plain NixOS modules.
        They are exported as endpoints, so other services can use them: pki issues certificates for
        them.
      '';
    };

    devices = mkOption {
      type = types.attrsOf (
        types.submodule {
          options.addresses = mkOption {
            type = types.listOf types.str;
            default = [ ];
            example = [ "192.168.1.20/24" ];
            description = ''
              IP addresses of the device, as in `addresses` of a machine. One is required.
            '';
          };
          options.names = mkOption {
            type = types.listOf types.str;
            default = [ ];
            example = [ "print.clan.lol" ];
            description = ''
              More names of the device, below the clan's domain. Several devices, or devices and
              machines, may have the same one.
            '';
          };
        }
      );
      default = { };
      example = {
        printer.addresses = [ "192.168.1.20" ];
      };
      description = ''
        What has a name and is not a machine of the clan, such as a printer, a NAS or a phone:
        `printer` makes `printer.<domain>` resolve on every machine. Set devices once, in
        `roles.default.settings.devices`. Machines may set some too; those that set the same device
        must set it alike.
      '';
    };

    networks = mkOption {
      type = types.nullOr (types.listOf types.str);
      default = null;
      example = [ "zerotier" ];
      description = ''
        Instances of network services whose addresses the machine's name resolves to. If null, the
        addresses of all instances are used, except for the services `internet`, `tor` and
        `p2p-ssh-iroh`, whose addresses are never used.
      '';
    };

    listen = mkOption {
      type = types.listOf address;
      default = [ ];
      example = [ "192.168.1.1" ];
      description = ''
        Addresses of this machine on which it answers other devices, such as phones in a VPN, on
        port 53. Only the clan's names resolve there. Requires `allow`. The module does not open the
        firewall. An address may come and go, as that of a VPN does.
      '';
    };

    allow = mkOption {
      type = types.listOf network;
      default = [ ];
      example = [ "192.168.1.0/24" ];
      description = ''
        Networks whose devices may query this machine on the addresses in `listen`.
      '';
    };

    search = mkOption {
      type = types.bool;
      default = false;
      example = true;
      description = ''
        Whether names directly below the clan's domain resolve without it on the machine, as in
        `ssh kiwi`. Set it for the role, or for single machines: each resolves short names for
        itself. Certificates have the full name, so a browser still needs that for HTTPS.
      '';
    };

    port = mkOption {
      type = types.ints.between 1 65535;
      default = (import ./constants.nix).defaultPort;
      example = 5354;
      description = ''
        Port of unbound on 127.0.0.1, for other DNS servers of the machine and for people. dm-dns itself
        queries it on port 553 of ::1.
      '';
    };

    reverse = mkOption {
      type = types.bool;
      default = false;
      example = true;
      description = ''
        Whether programs on the machine find the name of a machine or device by its address, as
        `getent hosts` and logs do: exactly for those addresses of the clan that are private, unique
        local, or of yggdrasil or mycelium. An address that several have gets no name.
      '';
    };

    wholeDomain = mkOption {
      type = types.bool;
      default = true;
      example = false;
      description = ''
        Whether the whole domain of the clan is the clan's. If false, the domain itself and all names
        below it that the clan does not have resolve as without dm-dns: for a domain that is public,
        or that a router uses as well. Must be the same on all machines.
      '';
    };
  };
}
