# Instances and roles, also of Macs.
{
  all,
  common,
  onlyOn,
  server,
  withoutServer,
  ...
}:
let
  dataMesher = {
    inventory.instances.data-mesher = common.data-mesher [ "server" ];
  };
  push = machine: {
    inventory.instances.dm-dns.roles.push.machines.${machine} = { };
  };

  mac.inventory.machines.macbook.machineClass = "darwin";
  macbook = settings: {
    inventory.instances.dm-dns.roles.default.machines.macbook = { inherit settings; };
  };
  withoutMac = all [
    mac
    (onlyOn [
      "client"
      "server"
    ])
  ];
  asked = all [
    mac
    (server {
      allow = [ "192.168.1.0/24" ];
      listen = [ "192.168.1.1" ];
    })
  ];
in
{
  "two instances" =
    let
      two = {
        inventory.instances.more-dns = common.dm-dns [ ];
      };
    in
    {
      message = "a clan has one zone, but two instances, 'dm-dns' and 'more-dns'";
      mistake = all [
        withoutServer
        two
      ];
      remedies."Move the machines of 'more-dns' to 'dm-dns', and remove 'more-dns'" = { };
    };

  "the key is not generated" = {
    message = "the key that signs the zone is not generated yet";
    mistake = all [
      # It has no vars.
      { directory = ./.; }
      (push "server")
    ];
    remedies."Run 'clan vars generate server -g dm-dns-signing-key'" = all [
      dataMesher
      (push "server")
    ];
  };

  "role push without role default" =
    let
      pushing = all [
        dataMesher
        (push "server")
      ];
    in
    {
      message = "'server' has the role push but not the role default, which makes the zone";
      mistake = all [
        pushing
        withoutServer
      ];
      remedies."Add roles.default.machines.server = { } to the instance" = all [
        pushing
        (onlyOn [
          "client"
          "server"
        ])
      ];
    };
  "role push without data-mesher" = {
    message = "'server' has the role push but no data-mesher to give the zone to";
    mistake = push "server";
    remedies."Add it to the role default of an instance of data-mesher in which a machine has the role bootstrap" =
      all [
        dataMesher
        (push "server")
      ];
  };

  "a Mac that nobody answers" = {
    message = "'macbook' is a Mac, which asks NixOS machines for the clan's names, and none of them has the setting listen, so the Mac resolves no name of the clan";
    mistake = mac;
    remedies = {
      "Set it on one that the Mac reaches: roles.default.machines.<machine>.settings = { listen = [ \"192.168.1.1\" ]; allow = [ \"192.168.1.0/24\" ]; };" =
        asked;
      "take 'macbook' out of the role default" = withoutMac;
    };
  };
  "a Mac that is not allowed to ask" = {
    message = "and those with the setting listen answer nobody: server";
    mistake = all [
      mac
      (server { listen = [ "192.168.1.1" ]; })
    ];
    remedies."Set allow for them, to the networks from which the Mac asks" = asked;
  };
  "settings without effect on a Mac" = {
    message = "'macbook' is a Mac, on which these settings have no effect: allow, listen";
    mistake = all [
      asked
      (macbook {
        allow = [ "192.168.1.0/24" ];
        listen = [ "192.168.1.2" ];
      })
    ];
    remedies."Set them on NixOS machines" = asked;
  };
  "a Mac with the role push" = {
    message = "'macbook' is a Mac, and has the role push";
    mistake = all [
      asked
      dataMesher
      (push "macbook")
    ];
    remedies = {
      "Give the role to a NixOS machine, such as with roles.push.tags = [ \"nixos\" ]" = all [
        asked
        dataMesher
        { inventory.instances.dm-dns.roles.push.tags = [ "nixos" ]; }
      ];
      "An admin can push from a checkout: dm-dns push --flake . --via <machine>" = all [
        asked
        dataMesher
      ];
    };
  };
}
