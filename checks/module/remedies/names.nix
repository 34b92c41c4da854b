# Names that machines and services cannot have.
{
  all,
  endpoints,
  lib,
  machine,
  machines,
  role,
  server,
  vpn,
  ...
}:
let
  label = size: lib.concatStrings (lib.genList (_: "a") size);
  many = lib.concatMapStringsSep "." label [
    63
    63
    63
  ];
  addresses = start: size: lib.genList (number: "fd00:${start}::${lib.toHexString (number + 1)}") size;

  anotherHost = endpoints { server = [ "git.test" ]; };
  host = message: wrong: {
    inherit message;
    mistake = endpoints { server = [ wrong ]; };
    remedies."give the service another host; its settings or its module set it" = anotherHost;
  };

  name = message: wrong: remedies: {
    inherit remedies;
    message = "name \"${wrong}\" in the setting names of machine 'server': ${message}";
    mistake = server { names = [ wrong ]; };
  };
  another = {
    "write another name there" = server { names = [ "git.test" ]; };
    "remove it" = { };
  };

  machineName = message: wrong: {
    inherit message;
    mistake = machines [ wrong ];
    remedies."rename the machine" = machines [ "kiwi" ];
  };

  device = message: wrong: {
    inherit message;
    mistake = role { devices.${wrong}.addresses = [ "192.168.1.20" ]; };
    remedies."rename the device" = role { devices.printer.addresses = [ "192.168.1.20" ]; };
  };
in
{
  "a host with an empty label" =
    host "it has an empty label (two dots in a row, or one at its start)" "git..test";
  "a host with a wildcard in a label" =
    host "'*' is allowed only as the whole first label" "git*.test";
  "a host with a port" = host "is not allowed in a name; use letters, digits, '-' and '_'" "git.test:3000";
  "a host with a long label" =
    host "a label of it has 64 characters; a label has at most 63" "${label 64}.test";
  "a host with a hyphen at its start" = host "label '-git' starts or ends with '-'" "-git.test";
  "a long host" = host "it has 254 characters; a name has at most 253" "${many}.${label 57}.test";
  "the reserved host" = host "it is reserved for the status of dm-dns" "_dm-dns.test";
  "a machine's name as host of another" = {
    message = "it is the name of machine 'server'";
    mistake = endpoints { client = [ "server.test" ]; };
    remedies."give the service another host; its settings or its module set it" =
      endpoints { client = [ "git.test" ]; };
  };

  "a device's name as host" =
    let
      printer = role { devices.printer.addresses = [ "192.168.1.20" ]; };
    in
    {
      message = "it is the name of device 'printer'";
      mistake = all [
        printer
        (endpoints { server = [ "printer.test" ]; })
      ];
      remedies."give the service another host; its settings or its module set it" = all [
        printer
        anotherHost
      ];
    };

  "the domain as host" = {
    message = "it is the domain of the clan itself";
    mistake = endpoints { server = [ "test" ]; };
    remedies."use a name below test" = anotherHost;
  };

  "a name with a port" =
    name "\":\" is not allowed in a name; use letters, digits, '-' and '_'" "git.test:3000"
      {
        "write git.test, without a port or a path" = server { names = [ "git.test" ]; };
      };
  "a name with a wildcard in a label" =
    name "'*' is allowed only as the whole first label" "git*.test"
      another;
  "the reserved name" = name "it is reserved for the status of dm-dns" "_dm-dns.test" another;
  "a machine's name among those of another" =
    let
      row = name "it is the name of machine 'client'" "client.test" another;
    in
    row
    // {
      mistake = all [
        (machines [ "client" ])
        row.mistake
      ];
    };
  "a device's name among those of a machine" =
    let
      named =
        device:
        all [
          (role { devices.${device}.addresses = [ "192.168.1.20" ]; })
          (server { names = [ "printer.test" ]; })
        ];
    in
    {
      message = "name \"printer.test\" in the setting names of machine 'server': it is the name of device 'printer'";
      mistake = named "printer";
      remedies = {
        "rename the device" = named "scanner";
        "remove the name" = role { devices.printer.addresses = [ "192.168.1.20" ]; };
      };
    };

  "a host without a machine" =
    let
      chat = module: {
        inventory.instances.chat.module.input = "self";
        inventory.instances.chat.roles.default.machines.server = { };
        modules.chat = {
          imports = [ module ];
          _class = "clan.service";
          manifest.name = "chat";
          manifest.readme = "Exports a host.";
          manifest.exports.out = [ "endpoints" ];
          roles.default.description = "";
        };
      };
      export.endpoints.hosts = [ "chat.test" ];
    in
    {
      message = "it is exported without a machine, so no machine would answer";
      mistake = chat {
        exports."chat:::" = export;
        roles.default.perInstance = _: { };
      };
      remedies = {
        "export it with mkExports in a role's perInstance" = chat {
          roles.default.perInstance = { mkExports, ... }: { exports = mkExports export; };
        };
        "remove it and set roles.default.machines.<machine>.settings.names of dm-dns" = all [
          (chat { roles.default.perInstance = _: { }; })
          (server { names = [ "chat.test" ]; })
        ];
      };
    };

  "a host of two machines without an address" =
    let
      hosts = endpoints {
        client = [ "shared.test" ];
        server = [ "shared.test" ];
      };
    in
    {
      message = "several machines export it, and no address of any of them is known";
      mistake = all [
        hosts
        (role { addresses = [ ]; })
      ];
      remedies."set roles.default.machines.<machine>.settings.addresses of dm-dns for them" = all [
        hosts
        (machine "client" { addresses = [ "fd00::1" ]; })
        (server { addresses = [ "fd00::2" ]; })
      ];
    };

  "a host of many addresses" =
    let
      shared = endpoints {
        client = [ "shared.test" ];
        server = [ "shared.test" ];
      };
      two = all [
        (role { addresses = [ ]; })
        (vpn {
          client = addresses "1" 1000;
          server = addresses "2" 1001;
        })
      ];
    in
    {
      message = "the name has 2001 addresses; a name has at most 2000";
      mistake = all [
        shared
        two
      ];
      remedies = {
        "remove some of them" = all [
          shared
          (role { addresses = [ ]; })
          (vpn {
            client = addresses "1" 1000;
            server = addresses "2" 1000;
          })
        ];
        "export the name on fewer machines" = all [
          (endpoints { server = [ "shared.test" ]; })
          two
        ];
      };
    };

  "names without an address" =
    let
      names = server {
        addresses = [ ];
        names = [ "git.test" ];
      };
    in
    {
      message = "names of 'server' have no address";
      mistake = names;
      remedies = {
        "Set roles.default.machines.server.settings.addresses of dm-dns" = server {
          addresses = [ "fd00::1" ];
          names = [ "git.test" ];
        };
        "have a network service of the clan export an address, such as zerotier" = all [
          names
          (vpn { server = [ "fd00::1" ]; })
        ];
      };
    };

  "a machine of many addresses" = {
    message = "machine 'server': the name has 2001 addresses";
    mistake = all [
      (role { addresses = [ ]; })
      (vpn { server = addresses "1" 2001; })
    ];
    remedies."remove some of them" = all [
      (role { addresses = [ ]; })
      (vpn { server = addresses "1" 2000; })
    ];
  };

  "a long domain" = {
    message = "it has 241 characters; the domain of a clan has at most 240";
    mistake.meta.domain = "${many}.${label 49}";
    remedies."set a shorter meta.domain".meta.domain = "${many}.${label 48}";
  };

  "a machine with the reserved name" =
    machineName "machine '_dm-dns': it is reserved for the status of dm-dns" "_dm-dns";
  "a machine with a dot in its name" =
    machineName "machine 'kf.box': it has a '.'; it must be a single label" "kf.box";
  "a machine with a name that is not ASCII" =
    machineName "it has a character that is not ASCII; use letters, digits, '-' and '_'" "bücher";
  "a machine with a long name" = machineName "machine '${label 64}'" (label 64);
  "a machine with a long full name" =
    let
      domain.meta.domain = "${many}.${label 43}";
      row = machineName "has 260 characters; a name has at most 253" (label 24);
    in
    row
    // {
      mistake = all [
        domain
        row.mistake
      ];
      remedies = lib.mapAttrs (_words: remedy: all [ domain remedy ]) row.remedies;
    };
  "machines whose names differ only in case" = {
    message = "machines 'Kiwi' and 'kiwi': they differ only in case, which DNS names ignore";
    mistake = machines [
      "Kiwi"
      "kiwi"
    ];
    remedies."rename all but one" = machines [
      "kiwi"
      "plum"
    ];
  };

  "a device with the reserved name" =
    device "device '_dm-dns' in the setting devices of the role default: it is reserved" "_dm-dns";
  "a device with a dot in its name" =
    device "device 'nas.lan' in the setting devices of the role default: it has a '.'" "nas.lan";

  "a name of another domain" = {
    message = "is not below the clan's domain";
    mistake = server { names = [ "git.example.org" ]; };
    remedies = {
      "write a whole name below it, such as git.test" = server { names = [ "git.test" ]; };
      "remove this one" = { };
    };
  };
}
