# The setting devices.
{
  all,
  machine,
  role,
  server,
  ...
}:
let
  addresses = [ "192.168.1.20" ];
  printer = names: role { devices.printer = { inherit addresses names; }; };

  name = message: wrong: {
    inherit message;
    mistake = printer [ wrong ];
    remedies."give the device another name there" = printer [ "print.test" ];
  };
in
{
  "a device without an address" = {
    message = "it has no address";
    mistake = role { devices.printer = { }; };
    remedies."write devices.printer.addresses = [ \"192.168.1.20\" ], with its address" = printer [ ];
  };

  "devices whose names differ only in case" = {
    message = "devices 'Phone', 'phone': they differ only in case, which DNS names ignore";
    mistake = all [
      (machine "client" { devices.Phone.addresses = [ "192.168.1.21" ]; })
      (server { devices.phone = { inherit addresses; }; })
    ];
    remedies = {
      "rename" = all [
        (machine "client" { devices.tablet.addresses = [ "192.168.1.21" ]; })
        (server { devices.phone = { inherit addresses; }; })
      ];
      "remove all but one" = server { devices.phone = { inherit addresses; }; };
    };
  };

  "a device that machines set differently" = {
    message = "machines set it differently: addresses";
    mistake = all [
      (machine "client" { devices.printer = { inherit addresses; }; })
      (server { devices.printer.addresses = [ "192.168.1.21" ]; })
    ];
    remedies."set it once, in roles.default.settings.devices of dm-dns, and not in the settings of machines" =
      printer [ ];
  };

  "a device with the name of a machine" = {
    message = "it has the name of machine 'server'";
    mistake = role { devices.server = { inherit addresses; }; };
    remedies = {
      "rename the device" = printer [ ];
      "remove it: a machine's name resolves to the addresses in its own setting addresses" =
        server { inherit addresses; };
    };
  };

  "a device with a name of one label" = {
    message = "it is not below the clan's domain";
    mistake = printer [ "print" ];
    remedies = {
      "write a whole name below it, such as print.test" = printer [ "print.test" ];
      "remove this one" = printer [ ];
    };
  };

  "a device with a machine's name" =
    name "name \"server.test\" of device 'printer' in the setting devices of the role default: it is the name of machine"
      "server.test";
  "a device with a URL" = name "name \"print.test:631\" of device 'printer'" "print.test:631";

  "a device with the domain as name" = {
    message = "name \"test\" of device 'printer' in the setting devices of the role default: it is the domain of the clan itself";
    mistake = printer [ "test" ];
    remedies."use a name below test" = printer [ "print.test" ];
  };
}
