# Virtual hosts: by which names they are the clan's, and what their owners' definitions do.
{ common, lib }:
{
  keys = [
    "boot"
    "services.caddy"
    "services.nginx"
  ];
  clan = {
    meta.domain = "test";
    inventory.machines = {
      bound = { };
      four = { };
      set = { };
      server = { };
      six = { };
      stopped = { };
      unrestricted = { };
    };
    inventory.instances = {
      dm-dns = common.dm-dns [ ];
      web = common.exports "endpoints" {
        bound = [
          "bound.web.test"
          "mixed.web.test"
        ];
        four = [ "four.web.test" ];
        set = [ "set.web.test" ];
        server = [
          "alias.test"
          "capitals.test"
          "catch-all.test"
          "chat.test"
          "default.test"
          "files.test"
          "forced.test"
          "git.test"
          "listen.test"
          "mixed.test"
          "public.test"
          "server.test"
          "set-default.test"
          "set-forced.test"
          "wiki.test"
        ];
        six = [ "six.web.test" ];
        stopped = [ "stopped.test" ];
        unrestricted = [ "decided.test" ];
      };
    };
    machines = {
      # Whose network has no IPv6.
      four = {
        clan.core.networking.internalListenAddresses = [ "10.0.0.4" ];
        networking.enableIPv6 = false;
        services.nginx.enable = true;
        services.nginx.virtualHosts."four.web.test" = { };
      };
      # Whose owner has set what the module would.
      set = {
        boot.kernel.sysctl."net.ipv6.ip_nonlocal_bind" = 0;
        clan.core.networking.internalListenAddresses = [ "fd00::5" ];
        services.nginx.enable = true;
        services.nginx.virtualHosts."set.web.test" = { };
      };
      server = {
        clan.core.networking.internalListenAddresses = [
          "fd00::1"
          "10.0.0.1"
        ];
        services.caddy = {
          enable = true;
          virtualHosts = {
            "default.test" = lib.mkDefault { extraConfig = "respond default"; };
            "forced.test" = lib.mkForce { };
            "git.test:8080, http://files.test/files" = { };
            "http://alias" = { };
            "http://chat.test:8080" = { };
            "mixed.test".serverAliases = [ "https://www.example.org" ];
            "www.example.com".serverAliases = [ "public.test" ];
            ":8080".serverAliases = [ "catch-all.test" ];
            wiki.hostName = "wiki.test";
          };
        };
        services.nginx = {
          enable = true;
          virtualHosts = {
            "Capitals.TEST" = { };
            "default.test" = lib.mkDefault { root = "/srv"; };
            "files.test".serverAliases = [
              "files"
              "www.files.test"
            ];
            "forced.test" = lib.mkForce { };
            "listen.test".listen = [ { addr = "192.0.2.1"; } ];
            "mixed.test".serverAliases = [ "www.example.org" ];
            "set-default.test".listenAddresses = lib.mkDefault [ "192.0.2.1" ];
            "set-forced.test".listenAddresses = lib.mkForce [ "192.0.2.1" ];
            "server.test" = { };
            "www.example.com".serverAliases = [ "public.test" ];
            alias.serverAliases = [ "alias.test" ];
            # Single labels: the clan has the second one below its domain.
            box = { };
            wiki = { };
            chat.serverName = "chat.test";
            # Another name than that of the attribute.
            "git.test".serverName = "www.example.net";
          };
        };
      };
      six = {
        clan.core.networking.internalListenAddresses = [ "fd00::6" ];
        services.caddy.enable = true;
        services.caddy.virtualHosts."six.web.test" = { };
      };
      # Its virtual host is defined, but nginx does not run.
      stopped = {
        clan.core.networking.internalListenAddresses = [ "fd00::7" ];
        services.nginx.virtualHosts."stopped.test" = { };
      };
      # caddy has its public sites on one address, which only its Caddyfile says.
      bound = {
        clan.core.networking.internalListenAddresses = [ "10.0.0.9" ];
        services.caddy = {
          enable = true;
          globalConfig = "default_bind 192.0.2.9";
          virtualHosts."bound.web.test" = { };
          virtualHosts."mixed.web.test".serverAliases = [ "www.example.org" ];
        };
      };
      # Its only virtual host listens where its owner wants.
      unrestricted = {
        clan.core.networking.internalListenAddresses = [ "10.0.0.8" ];
        services.nginx.enable = true;
        services.nginx.virtualHosts."decided.test".listenAddresses = [ "0.0.0.0" ];
      };
    };
  };
}
