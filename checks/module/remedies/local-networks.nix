# The setting localNetworks.
{
  all,
  lib,
  machine,
  role,
  server,
  ...
}:
let
  network = prefix: address: linkAddress: {
    inherit prefix;
    router = { inherit address linkAddress; };
  };
  link = "52:54:00:00:00:01";
  home = network "192.168.1.0/24" "192.168.1.1" link;
  networks = localNetworks: role { inherit localNetworks; };

  prefix = message: wrong: right: {
    inherit message;
    mistake = networks { home = home // { prefix = wrong; }; };
    remedies.${right} = networks { inherit home; };
  };
  # How a machine answers devices in a VPN.
  inVPN = {
    allow = [ "fd00::/64" ];
    listen = [ "fd00::1" ];
  };
  router = message: wrong: {
    inherit message;
    mistake = networks { home = network "192.168.1.0/24" wrong link; };
    remedies."write the address of a host that is always in that network, such as the gateway that `ip route` prints" =
      networks { inherit home; };
  };
  linkAddress = message: wrong: {
    inherit message;
    mistake = networks { home = network "192.168.1.0/24" "192.168.1.1" wrong; };
    remedies."on a machine in that network, `ip neigh show 192.168.1.1` prints the router's, after lladdr" =
      networks { inherit home; };
  };
in
{
  "a network without a prefix" =
    prefix "prefix \"\" is not an address with a prefix length" ""
      "write one such as 192.168.1.0/24";
  "a prefix of one address" =
    prefix "its prefix length is 32" "192.168.1.0/32"
      "write the prefix length that `ip address` prints on a machine in that network";
  "a prefix with bits beyond it" =
    prefix "prefix \"192.168.1.7/24\" has bits beyond its prefix length" "192.168.1.7/24"
      "write 192.168.1.0/24";

  "a prefix of IPv6 with bits beyond it" =
    let
      small = prefix: networks { home = network prefix "fd00:2::5" link; };
    in
    {
      message = "prefix \"fd00:2::6/126\" has bits beyond its prefix length";
      mistake = small "fd00:2::6/126";
      remedies."write fd00:2:0:0:0:0:0:4/126" = small "fd00:2:0:0:0:0:0:4/126";
    };

  "a prefix of IPv6 that is too short" = {
    message = "its prefix length is 8, and that of a network with IPv6 is from 48 to 126";
    mistake = networks { home = network "fd00::/8" "fd00::1" link; };
    remedies."write the prefix length that `ip address` prints on a machine in that network" =
      networks { home = network "fd00::/64" "fd00::1" link; };
  };
  "a link-local prefix" = {
    message = "is not one that a local network can have";
    mistake = networks { home = network "fe80::/64" "fe80::1" link; };
    remedies."use private, unique local or global addresses" =
      networks { home = network "fd00::/64" "fd00::1" link; };
  };
  # What is wrong with its size or its bits cannot be corrected: it would be refused again.
  "a link-local prefix of IPv4 with bits beyond it" = {
    message = "prefix \"169.254.1.1/16\" is not one that a local network can have";
    mistake = networks { home = network "169.254.1.1/16" "169.254.1.1" link; };
    remedies."use private, unique local or global addresses" = networks { inherit home; };
  };
  "a wide link-local prefix" = {
    message = "prefix \"fe80::/10\" is not one that a local network can have";
    mistake = networks { home = network "fe80::/10" "fe80::1" link; };
    remedies."use private, unique local or global addresses" =
      networks { home = network "fd00::/64" "fd00::1" link; };
  };

  "a router's name" = router "router.address \"fritz.box\" is not an IP address" "fritz.box";
  "a router elsewhere" =
    router "router.address \"192.168.2.1\" is not in 192.168.1.0/24" "192.168.2.1";
  "a router with the network's address" =
    router "router.address \"192.168.1.0\" is the address of the network" "192.168.1.0";
  "a router with the broadcast address" =
    router "router.address \"192.168.1.255\" is the broadcast address" "192.168.1.255";

  "a router's link-local address" =
    let
      home = address: networks { home = network "fd00::/64" address link; };
    in
    {
      message = "router.address \"fe80::1\" is not in fd00::/64";
      mistake = home "fe80::1";
      remedies."write an address of the router in that prefix: `ip -6 neigh` lists it with the link address of the gateway" =
        home "fd00::1";
    };

  "the link address of a virtual router" = {
    message = "router.linkAddress \"00:00:5e:00:01:01\" is one of VRRP, and the same in other networks";
    mistake = networks { home = network "192.168.1.0/24" "192.168.1.1" "00:00:5E:00:01:01"; };
    remedies."write the address and the link address of one host that is always there, such as those that one of the routers has itself" =
      networks { home = network "192.168.1.0/24" "192.168.1.2" link; };
  };

  "a short link address" =
    linkAddress "router.linkAddress \"52:54:00\" is not a link address, such as" "52:54:00";
  "a link address of a group" =
    linkAddress "is the link address of a group, and not of a host" "01:00:5e:00:00:01";
  "a link address of no host" = linkAddress "is the link address of no host" "00:00:00:00:00:00";

  "a network with a blank in its name" = {
    message = "\"At home\" is not a network's name";
    mistake = networks { "At home" = home; };
    remedies."rename the network" = networks { inherit home; };
  };
  "a network that machines set differently" = {
    message = "localNetworks.home of the role default: machines set it differently";
    mistake = all [
      (machine "client" { localNetworks = { inherit home; }; })
      (server { localNetworks.home = home // { only = true; }; })
    ];
    remedies."set it once, in roles.default.settings.localNetworks, and not for machines" =
      networks { inherit home; };
  };
  "networks with the same router" = {
    message = "they have the same router, so they cannot be told apart";
    mistake = networks {
      inherit home;
      parents = home;
    };
    remedies = {
      "correct router.linkAddress" = networks {
        inherit home;
        parents = network "192.168.1.0/24" "192.168.1.1" "52:54:00:00:00:02";
      };
      "remove all but one of them" = networks { inherit home; };
    };
  };
  "devices that may be elsewhere" =
    let
      clan =
        server':
        all [
          (networks { inherit home; })
          (machine "nas" { addresses = [ "192.168.1.10/24" ]; })
          (server server')
        ];
    in
    {
      message = "'server' gives no address on local network 'home', to its own programs neither";
      mistake = clan {
        allow = [
          "0.0.0.0/0"
          "fd00::/64"
        ];
        listen = [
          "192.168.1.4"
          "fd00::1"
        ];
      };
      remedies."Set allow = [ \"192.168.1.0/24\" ] and listen = [ \"192.168.1.4\" ], and have a machine that is not on 'home' answer other devices" =
        all [
          (clan {
            allow = [ "192.168.1.0/24" ];
            listen = [ "192.168.1.4" ];
          })
          (machine "vps" inVPN)
        ];
    };
  "devices that may be elsewhere, with IPv6" =
    let
      clan =
        allow:
        all [
          (networks {
            inherit home;
            home6 = network "fd00:1::/64" "fd00:1::1" link;
          })
          (server {
            inherit allow;
            addresses = [ "fd00:1::4/64" ];
            listen = [
              "192.168.1.4"
              "fd00:1::4"
            ];
          })
        ];
    in
    {
      message = "because its setting allow has what is not in 192.168.1.0/24 and fd00:1::/64: ::/0";
      mistake = clan [
        "192.168.1.0/24"
        "::/0"
      ];
      remedies."Set allow = [ \"192.168.1.0/24\" \"fd00:1::/64\" ], and have a machine that is not on 'home6' answer other devices" =
        clan [
          "192.168.1.0/24"
          "fd00:1::/64"
        ];
    };
  "devices that are elsewhere" =
    let
      clan =
        server':
        all [
          (networks { inherit home; })
          (server (server' // { addresses = [ "192.168.1.4/24" ]; }))
        ];
    in
    {
      message = "because its setting allow has what is not in 192.168.1.0/24: fd00::/64";
      mistake = clan inVPN;
      remedies."Remove listen and allow, and have a machine that is not on 'home' answer other devices" =
        all [
          (clan { })
          (machine "vps" inVPN)
        ];
    };

  "many networks" =
    let
      several =
        count:
        networks (
          lib.listToAttrs (
            lib.genList (
              number:
              lib.nameValuePair "n${toString number}" (
                network "10.${toString number}.0.0/16" "10.${toString number}.0.1" link
              )
            ) count
          )
        );
    in
    {
      message = "it has 101 networks; a clan has at most 100";
      mistake = several 101;
      remedies."remove some of them" = several 100;
    };
}
