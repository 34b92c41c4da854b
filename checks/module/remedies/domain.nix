# The setting wholeDomain, and certificates.
{
  all,
  machine,
  nixos,
  role,
  server,
  ...
}:
let
  domain.meta.domain = "example.org";
  shared = role { wholeDomain = false; };
  on = imports: all ([ domain ] ++ imports);

  certificate = values: nixos { security.acme.certs."www.example.org" = values; };
  byDNS = certificate { dnsProvider = "rfc2136"; };
in
{
  "machines that differ in wholeDomain" = {
    message = "the setting wholeDomain is one for the whole clan, and machines differ in it";
    mistake = on [ (machine "client" { wholeDomain = false; }) ];
    remedies."Set it for the role, and remove it from single machines: roles.default.settings.wholeDomain" =
      on [ shared ];
  };

  "a domain above the name that dm-dns uses" = {
    message = "wholeDomain = false does not work with the domain 'internal'";
    mistake = all [
      { meta.domain = "internal"; }
      shared
    ];
    remedies."Remove the setting: nobody but the clan has public names there".meta.domain = "internal";
  };

  "listen where others have names" = {
    message = "'server' answers other devices (setting listen), and they get NXDOMAIN";
    mistake = on [
      shared
      (server {
        allow = [ "192.168.1.0/24" ];
        listen = [ "192.168.1.1" ];
      })
    ];
    remedies = {
      "Let systemd-resolved answer devices, which has all names, with services.resolved.settings.Resolve.DNSStubListenerExtra in place of listen and allow" =
        on [
          shared
          (nixos { services.resolved.settings.Resolve.DNSStubListenerExtra = "192.168.1.1"; })
        ];
      "If devices ask for the clan's names only, one by one, as the clan's Macs do, ignore this warning" =
        "evaluation does not see what devices ask for";
    };
  };

  "a wildcard for all names of others" = {
    message = "the clan has the name *.example.org, so all names below example.org are the clan's";
    mistake = on [
      shared
      (server {
        names = [ "*.example.org" ];
        search = true;
      })
    ];
    remedies = {
      "Remove that name" = on [ shared ];
      "the setting wholeDomain" = on [ (server { names = [ "*.example.org" ]; }) ];
    };
  };

  "certificates by a DNS challenge" = {
    message = "'server' cannot get certificates by a DNS challenge below example.org";
    mistake = on [
      byDNS
      (server { names = [ "www.example.org" ]; })
    ];
    remedies = {
      "Set roles.default.settings.wholeDomain = false of dm-dns" = on [
        byDNS
        shared
        (server { names = [ "www.example.org" ]; })
      ];
      "If the domain's DNS servers have names outside of it, security.acme.defaults.dnsResolver, a DNS server elsewhere, is enough" =
        on [
          byDNS
          (nixos { security.acme.defaults.dnsResolver = "9.9.9.9:53"; })
          (server { names = [ "www.example.org" ]; })
        ];
    };
  };

  "a certificate for the domain itself" =
    let
      apex = nixos { security.acme.certs."example.org" = { }; };
    in
    {
      message = "because no service exports them: example.org";
      mistake = on [ apex ];
      remedies."Set roles.default.settings.wholeDomain = false of dm-dns" = on [
        apex
        shared
      ];
    };
  "certificates for names that nothing exports" = {
    message = "'server' has certificates for public names that no machine of the clan can resolve";
    mistake = on [ (certificate { }) ];
    remedies = {
      "Set roles.default.settings.wholeDomain = false of dm-dns" = on [
        (certificate { })
        shared
      ];
      "export them with its setting names" = on [
        (certificate { })
        (server { names = [ "www.example.org" ]; })
      ];
    };
  };
}
