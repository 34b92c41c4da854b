# Before the first `clan vars generate`, and data-mesher bootstraps elsewhere.
{ common, ... }:
{
  keys = [
    "clan.core"
    "environment"
    "services.data-mesher"
  ];
  clan = {
    directory = ./.;
    meta.domain = "test";
    inventory.machines.server = { };
    inventory.instances = {
      data-mesher = {
        module.name = "data-mesher";
        roles.default.tags = [ "all" ];
        roles.bootstrap.machines = { };
        roles.default.settings.extraBootstrapPeers = [ "/dns/elsewhere.example/tcp/7946/p2p/peer" ];
      };
      dm-dns = common.dm-dns [ "server" ];
      chat = common.exports "endpoints" { server = [ "chat.test" ]; };
    };
  };
}
