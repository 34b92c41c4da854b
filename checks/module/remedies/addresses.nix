# The settings addresses and networks, and addresses of local networks.
{
  all,
  lib,
  machine,
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
  within =
    localNetworks: addresses:
    all [
      (role { inherit localNetworks; })
      (server { inherit addresses; })
    ];
  address = one: server { addresses = [ one ]; };
  atHome = one: within { inherit home; } [ one ];

  declare = name: prefix: first: ''
    declare that network, in the settings of the role default:
        localNetworks.${name} = {
          prefix = "${prefix}";
          router = { address = "${first}"; linkAddress = "<link address>"; };
        };
      with the address of a host that is always there, and its link address: on a machine in that network, `ip neigh show ${first}` prints the router's, after lladdr'';
  declared = prefix: first: network prefix first "52:54:00:12:34:56";

  # Addresses that no other machine reaches.
  useless = message: wrong: {
    inherit message;
    mistake = address wrong;
    remedies."write an address that other machines reach, such as one in a LAN or a VPN" =
      address "192.168.1.10";
  };
  there = message: wrong: words: {
    inherit message;
    mistake = atHome wrong;
    remedies."${words}, with the prefix length of its local network if it is in one" =
      atHome "192.168.1.10/24";
  };
  itself = message: wrong: {
    inherit message;
    mistake = atHome wrong;
    remedies."write the address of the machine or device itself, with /24 after it" =
      atHome "192.168.1.10/24";
  };
  # Either has its prefix length, or is reached from elsewhere as well.
  either = message: wrong: {
    inherit message;
    mistake = atHome wrong;
    remedies = {
      "write \"192.168.1.10/24\" if it is valid there only" = atHome "192.168.1.10/24";
      "\"192.168.1.10/32\" if other machines reach it as well, such as through a VPN" =
        atHome "192.168.1.10/32";
    };
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

  "a loopback address where a network is declared" =
    there "\"127.0.0.1\" is a loopback address" "127.0.0.1"
      "write an address that other machines reach, such as one in a LAN or a VPN";
  "what is not an address where a network is declared" =
    there "\"nas.lan\" is not an IP address" "nas.lan" "write an IPv4 or IPv6 address";
  "an IPv4 address in IPv6 notation where a network is declared" =
    there "is an IPv4 address in IPv6 notation" "::ffff:c0a8:10a" "write the IPv4 address";
  "a link-local address with a prefix length where a network is declared" =
    there "is not an address that a host can have on a local network" "fe80::1/64"
      "use a private, unique local or global address";

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

  "a broadcast address of one of two networks" =
    let
      campus = network "192.168.0.0/16" "192.168.0.1" "52:54:00:00:00:02";
      nested = one: within { inherit campus home; } [ one ];
    in
    {
      message = "192.168.1.255 is the broadcast address of 192.168.1.0/24";
      mistake = nested "192.168.1.255/24";
      remedies."write the address of the machine or device itself, with /24@home after it" =
        nested "192.168.1.10/24@home";
    };
  "a broadcast address where no network is declared" = {
    message = "192.168.1.255 is the broadcast address of 192.168.1.0/24";
    mistake = address "192.168.1.255/24";
    remedies = {
      "write the address of the machine or device itself, without a prefix length if it is valid everywhere" =
        address "192.168.1.10";
      "if not, ${declare "<name>" "192.168.1.0/24" "192.168.1.1"}" =
        within { home = declared "192.168.1.0/24" "192.168.1.1"; } [ "192.168.1.10/24" ];
    };
  };

  "an address in a local network" =
    either "is in the prefix of localNetworks.home, and machines elsewhere would get it too"
      "192.168.1.10";
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
      ${declare "<name>" "192.168.1.0/24" "192.168.1.1"} =
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
      ${declare "<name>" "10.1.1.0/24" "10.1.1.1"} = within {
        home = office;
        another = declared "10.1.1.0/24" "10.1.1.1";
      } [ "10.1.1.10/24" ];
    };
  };
  # With its prefix length, it is a broadcast address.
  "another prefix length than the network's, of a broadcast address" = {
    message = "no local network 10.1.1.0/24 is declared, and the address is in localNetworks.home, with another prefix length";
    mistake = within { home = office; } [ "10.1.1.255/24" ];
    remedies = {
      "write \"10.1.1.255/16\" if it is valid there only" =
        within { home = office; } [ "10.1.1.255/16" ];
      "\"10.1.1.255/32\" if other machines reach it as well, such as through a VPN" =
        within { home = office; } [ "10.1.1.255/32" ];
    };
  };
  "a long prefix length of IPv6 without a network" = {
    message = "no local network fd00:2:0:0:0:0:0:4/126 is declared";
    mistake = address "fd00:2::6/126";
    remedies = {
      "write \"fd00:2::6\" if it is valid everywhere" = address "fd00:2::6";
      ${declare "<name>" "fd00:2:0:0:0:0:0:4/126" "fd00:2:0:0:0:0:0:5"} =
        within { home = declared "fd00:2:0:0:0:0:0:4/126" "fd00:2:0:0:0:0:0:5"; } [ "fd00:2::6/126" ];
    };
  };
  "a wider network than the one with this broadcast address" = {
    message = "no local network 192.168.0.0/16 is declared, and 192.168.1.255 is the broadcast address of 192.168.1.0/24";
    mistake = atHome "192.168.1.255/16";
    remedies = {
      "write the address of the machine or device itself, with /24 after it" = atHome "192.168.1.10/24";
      ${declare "<name>" "192.168.0.0/16" "192.168.0.1"} = within {
        inherit home;
        another = declared "192.168.0.0/16" "192.168.0.1";
      } [ "192.168.1.255/16" ];
    };
  };

  "an address outside of its network" = {
    message = "local network 'home' has the prefix 192.168.1.0/24, not 10.1.2.0/24";
    mistake = atHome "10.1.2.3/24@home";
    remedies = {
      "correct the address" = atHome "192.168.1.10/24@home";
      "that prefix" =
        within { home = declared "10.1.2.0/24" "10.1.2.1"; } [ "10.1.2.3/24@home" ];
    };
  };

  "another prefix length than that of the network that is named" =
    either "local network 'home' has the prefix 192.168.1.0/24, not 192.168.1.0/25"
      "192.168.1.10/25@home";

  "a network that is not declared" = {
    message = "there is no local network 'cafe'";
    mistake = within { inherit home office; } [ "192.168.1.10/24@cafe" ];
    remedies."use 'home'" = within { inherit home office; } [ "192.168.1.10/24@home" ];
  };
  "a network that is not declared, with another prefix length" =
    either "there is no local network 'cafe'" "192.168.1.10/25@cafe";
  "a network that is not declared, elsewhere" = {
    message = "there is no local network 'cafe'";
    mistake = atHome "10.1.2.3/24@cafe";
    remedies.${declare "cafe" "10.1.2.0/24" "10.1.2.1"} = within {
      inherit home;
      cafe = declared "10.1.2.0/24" "10.1.2.1";
    } [ "10.1.2.3/24@cafe" ];
  };
  "a network that cannot be declared" = {
    message = "there is no local network 'my net'";
    mistake = address "10.1.2.3/24@my net";
    remedies."write \"10.1.2.3/24\", and ${declare "<name>" "10.1.2.0/24" "10.1.2.1"}" =
      within { home = declared "10.1.2.0/24" "10.1.2.1"; } [ "10.1.2.3/24" ];
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
    either "its prefix length is 33, and that of a network with IPv4 is from 8 to 30"
      "192.168.1.10/33@home";
  "a long prefix length of the network's address" =
    itself "its prefix length is 31" "192.168.1.0/31";
  # As of a link between two machines.
  "a long prefix length where no network is declared" = {
    message = "its prefix length is 31, and that of a network with IPv4 is from 8 to 30";
    mistake = address "192.168.1.10/31";
    remedies = {
      "write \"192.168.1.10\" if it is valid everywhere" = address "192.168.1.10";
      "with the prefix length that `ip address` prints, and declare that network in the setting localNetworks of the role default" =
        atHome "192.168.1.10/24";
    };
  };
  "no prefix length" =
    either "has no prefix length, as an address of a local network has" "192.168.1.10@home";
  "a loopback address with a bad prefix length" = {
    message = "is not an address that a host can have on a local network";
    mistake = address "127.0.0.1/33";
    remedies."use a private, unique local or global address" = address "192.168.1.10";
  };

  "what is not an address with a prefix length" = {
    message = "\"nas/24\" is not an IP address with a prefix length";
    mistake = atHome "nas/24";
    remedies."write an address such as \"192.168.1.10\", or one of a local network such as \"192.168.1.10/24\"" =
      atHome "192.168.1.10/24";
  };

  "the same address on a local network and everywhere" = {
    message = "\"192.168.1.10/24\" is given on its local network only, and the same address, \"192.168.1.10/32\", everywhere";
    mistake = within { inherit home; } [
      "192.168.1.10/24"
      "192.168.1.10/32"
    ];
    remedies = {
      "remove \"192.168.1.10/24\" if other machines reach it as well, such as through a VPN" =
        atHome "192.168.1.10/32";
      "\"192.168.1.10/32\" if they do not" = atHome "192.168.1.10/24";
    };
  };

  "an address of a machine and a device" =
    let
      devices =
        named:
        machine "client" { devices = lib.mapAttrs (_device: address: { addresses = [ address ]; }) named; };
    in
    {
      message = "several have the address 192.168.1.10, so their names resolve to one host";
      mistake = all [
        (address "192.168.1.10")
        (devices { printer = "192.168.1.10"; })
      ];
      remedies = {
        "Correct it" = all [
          (address "192.168.1.10")
          (devices { printer = "192.168.1.20"; })
        ];
        "leave it to one of them, and give that one the names of the others" = server {
          addresses = [ "192.168.1.10" ];
          names = [ "printer.test" ];
        };
        "If they take the address over from each other, make it that of a device of its own only (setting devices)" =
          all [
            (address "192.168.1.11")
            (devices {
              printer = "192.168.1.20";
              shared = "192.168.1.10";
            })
          ];
        "If they are in different networks, declare these (setting localNetworks)" = all [
          (within { inherit home parents; } [ "192.168.1.10/24@home" ])
          (devices { printer = "192.168.1.10/24@parents"; })
        ];
      };
    };
  "an address of two machines on a local network" =
    let
      two =
        other:
        all [
          (atHome "192.168.1.10/24")
          (machine "client" { addresses = [ other ]; })
        ];
    in
    {
      message = "several have the address 192.168.1.10 on local network 'home', so their names resolve to one host";
      mistake = two "192.168.1.10/24@home";
      remedies = {
        "Correct it" = two "192.168.1.11/24";
        "leave it to one of them, and give that one the names of the others" =
          "the row above has that, of a device";
        "If they take the address over from each other, make it that of a device of its own only (setting devices)" =
          all [
            (two "192.168.1.11/24")
            (machine "other" { devices.shared.addresses = [ "192.168.1.12/24" ]; })
          ];
      };
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
