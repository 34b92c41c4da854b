# The clan that the scenarios in checks/scenarios run on: in VMs here, as containers elsewhere, and
# evaluated in checks/eval. Addresses are those that NixOS tests give to machines in this order.
{
  # where the inventory finds dm-dns
  module,
}:
{
  meta.domain = "test";
  meta.name = "dm-dns";
  inventory.machines = {
    client = { };
    server = { };
    third = { };
  };
  inventory.instances = {
    data-mesher = {
      module.name = "data-mesher";
      roles.default.tags = [ "all" ];
      roles.bootstrap.machines.server = { };
    };
    dm-dns = {
      inherit module;
      roles.default.machines = {
        client.settings.addresses = [ "192.168.1.1" ];
        server.settings = {
          addresses = [ "192.168.1.2" ];
          names = [
            "chat.test"
            "shared.test"
          ];
        };
        third.settings = {
          addresses = [ "192.168.1.3" ];
          names = [
            "*.pages.test"
            "shared.test"
          ];
        };
      };
      roles.push.machines.server = { };
    };
  };
}
