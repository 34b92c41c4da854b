# A machine with both roles on which nobody may have a user namespace.
{ common, ... }:
{
  keys = [
    "assertions"
    "systemd.services."
    "warnings"
  ];
  clan = {
    meta.domain = "test";
    inventory.machines.server = { };
    inventory.instances = {
      data-mesher = common.data-mesher [ "server" ];
      dm-dns = common.dm-dns [ "server" ];
    };
    machines.server.security.allowUserNamespaces = false;
  };
}
