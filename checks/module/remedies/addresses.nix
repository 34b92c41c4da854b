# The settings addresses and networks, and addresses of local networks.
{
  all,
  role,
  server,
  vpn,
  ...
}:
let
  network = prefix: address: linkAddress: {
    inherit prefix;
    router = { inherit address linkAddress; };
  };
  home = network "192.168.1.0/24" "192.168.1.1" "52:54:00:00:00:01";
  office = network "10.1.0.0/16" "10.1.0.1" "52:54:00:00:00:02";
  parents = network "192.168.1.0/24" "192.168.1.1" "52:54:00:00:00:03";

  # `server` has these addresses, with networks declared for all.
  within = localNetworks: addresses: all [
    (role { inherit localNetworks; })
    (server { inherit addresses; })
  ];
  address = one: server { addresses = [ one ]; };
  atHome = one: within { inherit home; } [ one ];

  declare = name: prefix: first: ''
    declare that network, in the settings of the role default:
        localNetworks.${name} = {
          prefix = "${prefix}";
          router = { address = "${first}"; linkAddress = "52:54:00:12:34:56"; };
        };
      with the address of a host that is always there, and its link address: on a machine in that network, `ip neigh show ${first}` prints the router's, after lladdr'';
  declared = prefix: first: network prefix first "52:54:00:12:34:56";

  # Addresses that lead to no machine, wherever it is.
  useless = message: wrong: {
    inherit message;
    mistake = address wrong;
    remedies."write an address that other machines reach, such as one in a LAN or a VPN" =
      address "192.168.1.10";
  };
  itself = message: wrong: {
    inherit message;
    mistake = atHome wrong;
    remedies."write the address of the machine or device itself" = atHome "192.168.1.10/24";
  };
  size = message: wrong: {
    inherit message;
    mistake = atHome wrong;
    remedies."write the prefix length that `ip address` prints on a machine in that network" =
      atHome "192.168.1.10/24";
  };
in
{
  "an unspecified address" = useless "\"0.0.0.0\" stands for all addresses" "0.0.0.0";
  "a loopback address" = useless "\"::1\" is a loopback address, which each machine has itself" "::1";
  "a multicast address" =
    useless "is a multicast or reserved address, which no host has" "224.0.0.251";
  "a link-local address" =
    useless "\"fe80::1\" is link-local: it means nothing on another link" "fe80::1";
  "a link-local address with its interface" =
    useless "\"fe80::1%eth0\" is link-local" "fe80::1%eth0";

  "what is not an address" = {
    message = "\"nas.lan\" is not an IP address";
    mistake = address "nas.lan";
    remedies."write an IPv4 or IPv6 address" = address "192.168.1.10";
  };

  "an IPv4 address in IPv6 notation" = {
    message = "is an IPv4 address in IPv6 notation";
    mistake = address "::ffff:c0a8:10a";
    remedies."write the IPv4 address" = address "192.168.1.10";
  };

  "a link-local address with a prefix length" = {
    message = "is not an address that a host can have on a local network";
    mistake = address "fe80::1/64";
    remedies."use a private, unique local or global address" = address "fd00::1";
  };

  "an address of a network" = itself "is the address of the network 192.168.1.0/24 itself" "192.168.1.0";
  "a broadcast address" =
    itself "192.168.1.255 is the broadcast address of 192.168.1.0/24" "192.168.1.255/24";

  "an address in a local network" = {
    message = "is in the prefix of localNetworks.home, and machines elsewhere would get it too";
    mistake = atHome "192.168.1.10";
    remedies = {
      "write \"192.168.1.10/24\" if it is valid there only" = atHome "192.168.1.10/24";
      "\"192.168.1.10/32\" if other machines reach it as well, such as through a VPN" =
        atHome "192.168.1.10/32";
    };
  };
  "an address in two local networks" =
    let
      both = one: within { inherit home parents; } [ one ];
    in
    {
      message = "is in the prefix of localNetworks.home and localNetworks.parents";
      mistake = both "192.168.1.10";
      remedies = {
        "write \"192.168.1.10/24@home\" if it is valid there only" = both "192.168.1.10/24@home";
        "\"192.168.1.10/32\" if other machines reach it as well, such as through a VPN" =
          both "192.168.1.10/32";
      };
    };

  "a prefix length without a network" = {
    message = "no local network 192.168.1.0/24 is declared, so nobody can tell where the address is valid";
    mistake = address "192.168.1.10/24";
    remedies = {
      "write \"192.168.1.10\" if it is valid everywhere" = address "192.168.1.10";
      ${declare "home" "192.168.1.0/24" "192.168.1.1"} =
        within { home = declared "192.168.1.0/24" "192.168.1.1"; } [ "192.168.1.10/24" ];
    };
  };
  "another prefix length than the network's" = {
    message = "no local network 10.1.1.0/24 is declared, and the address is in localNetworks.home, with another prefix length";
    mistake = within { home = office; } [ "10.1.1.10/24" ];
    remedies = {
      "write \"10.1.1.10/16\" if it is valid there only" =
        within { home = office; } [ "10.1.1.10/16" ];
      "\"10.1.1.10/32\" if other machines reach it as well, such as through a VPN" =
        within { home = office; } [ "10.1.1.10/32" ];
      ${declare "another" "10.1.1.0/24" "10.1.1.1"} = within {
        home = office;
        another = declared "10.1.1.0/24" "10.1.1.1";
      } [ "10.1.1.10/24" ];
    };
  };
  "a wider network than the one with this broadcast address" = {
    message = "no local network 192.168.0.0/16 is declared, and 192.168.1.255 is the broadcast address of 192.168.1.0/24";
    mistake = atHome "192.168.1.255/16";
    remedies = {
      "write the address of the machine or device itself" = atHome "192.168.1.10/24";
      ${declare "another" "192.168.0.0/16" "192.168.0.1"} = within {
        inherit home;
        another = declared "192.168.0.0/16" "192.168.0.1";
      } [ "192.168.1.255/16" ];
    };
  };

  "an address outside of its network" = {
    message = "local network 'home' has the prefix 192.168.1.0/24, not 10.1.2.0/24";
    mistake = atHome "10.1.2.3/24@home";
    remedies."correct the address" = atHome "192.168.1.10/24@home";
    remedies."that prefix" =
      within { home = network "10.1.2.0/24" "10.1.2.1" "52:54:00:00:00:01"; } [ "10.1.2.3/24@home" ];
  };

  "a network that is not declared" = {
    message = "there is no local network 'cafe'";
    mistake = atHome "192.168.1.10/24@cafe";
    remedies."use 'home'" = atHome "192.168.1.10/24@home";
  };

  "one of two networks that is not named" =
    let
      both = one: within { inherit home parents; } [ one ];
    in
    {
      message = "the local networks 'home' and 'parents' have this prefix";
      mistake = both "192.168.1.10/24";
      remedies."write which one it is, such as \"192.168.1.10/24@home\"" = both "192.168.1.10/24@home";
    };

  "a long prefix length" =
    size "its prefix length is 33, and that of a network with IPv4 is from 8 to 30" "192.168.1.10/33@home";
  "no prefix length" = size "its prefix length is 0" "192.168.1.10/0";

  "what is not an address with a prefix length" = {
    message = "\"nas/24\" is not an IP address with a prefix length";
    mistake = atHome "nas/24";
    remedies."write an address such as \"192.168.1.10\", or one of a local network such as \"192.168.1.10/24\"" =
      atHome "192.168.1.10/24";
  };

  "networks that nothing exports" = {
    message = "no instance \"vpn2\" exports addresses of machines in the clan";
    mistake = all [
      (vpn { server = [ "fd00::1" ]; })
      (server { networks = [ "vpn2" ]; })
    ];
    remedies."use one or more of: vpn" = all [
      (vpn { server = [ "fd00::1" ]; })
      (server { networks = [ "vpn" ]; })
    ];
  };
  "networks where nothing exports any" = {
    message = "no instance \"zerotier\" exports addresses of machines in the clan";
    mistake = server { networks = [ "zerotier" ]; };
    remedies."remove the setting; no instance exports any" = { };
  };
}
