# A domain of which others have names as well.
{ common, lib }:
{
  keys = [
    "assertions"
    "environment.etc.dm-dns/apply.json"
    "environment.etc.resolver"
    "services.nginx"
    "warnings"
  ];
  clan = {
    meta.domain = "example.org";
    inventory.machines = {
      certified = { };
      filtered = { };
      listener = { };
      macbook.machineClass = "darwin";
    };
    inventory.instances.dm-dns = lib.recursiveUpdate (common.dm-dns [ ]) {
      roles.default.settings = {
        devices.printer.addresses = [ "192.168.1.20" ];
        wholeDomain = false;
      };
      roles.default.machines = {
        certified.settings = {
          addresses = [ "10.0.0.1" ];
          names = [
            "*.pages.example.org"
            "bücher.example.org"
            "git.app.example.org"
          ];
          reverse = true;
          search = true;
        };
      }
      // lib.genAttrs [ "filtered" "listener" ] (_machine: {
        settings.allow = [ "192.168.1.0/24" ];
        settings.listen = [ "192.168.1.1" ];
      });
    };
    machines.certified.clan.core.networking.internalListenAddresses = [ "10.0.0.1" ];
    machines.certified.services.nginx.virtualHosts = {
      "git.app.example.org".serverAliases = [ "x.pages.example.org" ];
      # The other name is not the clan's.
      "bücher.example.org".serverAliases = [ "www.example.org" ];
    };
    machines.certified.security.acme.certs."www.example.org".dnsProvider = "rfc2136";
    machines.filtered.services = {
      adguardhome.enable = true;
      adguardhome.settings = { };
      blocky.enable = true;
      dnsmasq.enable = true;
    };
  };
}
