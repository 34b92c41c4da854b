# Certificates that a machine cannot have, or has in vain, if the whole domain is the clan's.
{ common, lib }:
{
  keys = [
    "assertions"
    "warnings"
  ];
  clan = {
    meta.domain = "example.org";
    inventory.machines = lib.genAttrs [ "by-dns" "by-http" "private" "well" ] (_machine: { });
    inventory.instances = {
      dm-dns = lib.recursiveUpdate (common.dm-dns [ ]) {
        roles.default.machines.well.settings = {
          addresses = [ "10.0.0.1" ];
          names = [
            "git.example.org"
            "*.pages.example.org"
          ];
        };
      };
    };
    machines = lib.mapAttrs (_machine: certs: { security.acme = { inherit certs; }; }) {
      by-dns = {
        "git.example.org".dnsProvider = "rfc2136";
        pages = {
          dnsProvider = "rfc2136";
          domain = "*.pages.example.org";
          server = "https://acme-v02.api.letsencrypt.org/directory";
        };
        # Elsewhere.
        "www.example.com".dnsProvider = "rfc2136";
      };
      by-http = {
        "www.example.org".extraDomainNames = [
          "example.org"
          "Blog.example.org"
          "git.example.org"
        ];
        "www.example.com" = { };
      };
      private = {
        "www.example.org" = {
          dnsProvider = "rfc2136";
          server = "https://ca.example.org/acme/acme/directory";
        };
      };
      well = {
        "git.example.org" = { };
        "well.example.org" = { };
        "x.pages.example.org" = {
          dnsProvider = "rfc2136";
          dnsResolver = "9.9.9.9:53";
        };
        "y.pages.example.org" = {
          dnsProvider = "rfc2136";
          dnsPropagationCheck = false;
        };
        "z.pages.example.org" = {
          dnsProvider = "rfc2136";
          extraLegoFlags = [ "--dns.resolvers=9.9.9.9:53" ];
        };
      };
    };
  };
}
