# The clan that the scenarios in checks/scenarios run on: in VMs here, as containers elsewhere, and
# evaluated in checks/module. Addresses are those that NixOS tests give to machines in this order.
{
  domain ? "test",
  # of data-mesher: nobody wants to wait for its 30 s
  interval ? "5s",
  # where the inventory finds dm-dns
  module,
  # The settings of each machine with the role push. Scenarios push themselves, and know what the mesh
  # has only if no machine does so as well.
  pushers ? {
    server.automatic = false;
  },
}:
{ lib, ... }:
let
  names = [
    "client"
    "server"
    "third"
  ];
in
{
  meta.domain = domain;
  meta.name = "dm-dns";
  inventory.machines = lib.genAttrs names (_machine: { });
  inventory.instances = {
    data-mesher = {
      module.name = "data-mesher";
      roles.default.tags = [ "all" ];
      roles.bootstrap.machines.server = { };
    };
    dm-dns = {
      inherit module;
      # Nothing answers there.
      roles.default.settings.devices.printer = {
        addresses = [ "192.168.1.20" ];
        names = [
          "print.${domain}"
          "*.scans.${domain}"
        ];
      };
      roles.default.machines = {
        client.settings.addresses = [ "192.168.1.1" ];
        server.settings = {
          addresses = [ "192.168.1.2" ];
          names = [
            "chat.${domain}"
            "shared.${domain}"
          ];
        };
        third.settings = {
          addresses = [ "192.168.1.3" ];
          names = [
            "*.pages.${domain}"
            "shared.${domain}"
          ];
        };
      };
      roles.push.machines = lib.mapAttrs (_machine: settings: { inherit settings; }) pushers;
    };
  };
  machines = lib.genAttrs names (_machine: {
    services.data-mesher.settings.cluster.push_pull_interval = lib.mkForce interval;
  });
}
