# The setting wholeDomain: what it needs, what it takes from other devices, and where a machine's own
# configuration shows that it should be false.
{
  domain,
  machine,
  settings,
  # See ../default.nix.
  zone,
}:
{ config, lib, ... }:
let
  inherit (lib)
    attrNames
    attrValues
    concatStringsSep
    filter
    filterAttrs
    groupBy
    hasInfix
    hasPrefix
    hasSuffix
    length
    mapAttrsToList
    optional
    optionals
    toLower
    uniqueStrings
    ;
  inherit (settings) wholeDomain;

  # One value on all machines: which names others have does not depend on a machine.
  machinesByValue = groupBy (
    name: lib.boolToString zone.machineSettings.${name}.wholeDomain
  ) (attrNames zone.machineSettings);

  # Names are CNAMEs to it while unbound is away.
  deadEnd = import ./dead-end.nix;
  isAboveDeadEnd = domain == deadEnd || hasSuffix ".${domain}" deadEnd;

  isInDomain = name: name == domain || hasSuffix ".${domain}" name;

  # Of public authorities, which give certificates for public names only.
  certificates = filterAttrs (
    _name: { server, ... }: server == null || hasInfix "letsencrypt.org" server
  ) config.security.acme.certs;
  namesOf =
    { domain, extraDomainNames, ... }:
    filter isInDomain (map toLower ([ domain ] ++ extraDomainNames));

  # ACME clients look for the domain's own DNS server before they have their record looked up.
  challenged = attrNames (
    filterAttrs (
      _name: certificate:
      certificate.dnsProvider != null
      && certificate.dnsResolver == null
      && certificate.dnsPropagationCheck
      && certificate.extraLegoFlags == [ ]
      && namesOf certificate != [ ]
    ) certificates
  );
  hidden = filter (name: !hasPrefix "*." name && !zone.isName name) (
    uniqueStrings (lib.concatMap namesOf (attrValues certificates))
  );
in
{
  assertions = [
    {
      assertion = length (attrNames machinesByValue) == 1;
      message = ''
        dm-dns: the setting wholeDomain is one for the whole clan, and machines differ in it:
        ${concatStringsSep "\n" (
          mapAttrsToList (value: names: "  ${value}: ${concatStringsSep ", " names}") machinesByValue
        )}
        Set it for the role, and remove it from single machines: roles.default.settings.wholeDomain.
      '';
    }
    {
      assertion = wholeDomain || !isAboveDeadEnd;
      message = ''
        dm-dns: wholeDomain = false does not work with the domain '${domain}': dm-dns uses the name
        ${deadEnd} in it.
        Remove the setting: nobody but the clan has public names there.
      '';
    }
  ];

  warnings =
    optional (!wholeDomain && settings.listen != [ ]) ''
      dm-dns: '${machine.name}' answers other devices (setting listen), and they get NXDOMAIN for names
      of ${domain} that are not the clan's, because unbound has no other names than the clan's.
      Let systemd-resolved answer devices, which has all names, with
      services.resolved.settings.Resolve.DNSStubListenerExtra in place of listen and allow. If devices ask
      for the clan's names only, one by one, as the clan's Macs do, ignore this warning.
    ''
    ++ optional (!wholeDomain && zone.isName "*.${domain}") ''
      dm-dns: the clan has the name *.${domain}, so all names below ${domain} are the clan's, and
      wholeDomain = false leaves only ${domain} itself to others.${
        lib.optionalString settings.search " Every other short name resolves\nto it as well (setting search)."
      }
      It is the ${zone.describeName "*.${domain}"}.
      Remove that name, or the setting wholeDomain.
    ''
    ++ optionals wholeDomain (
      optional (challenged != [ ]) ''
        dm-dns: '${machine.name}' cannot get certificates by a DNS challenge below ${domain}, because it
        answers for the whole domain itself. These are in security.acme.certs:
        ${concatStringsSep ", " challenged}.
        Set roles.default.settings.wholeDomain = false of dm-dns. If the domain's DNS servers have names
        outside of it, security.acme.defaults.dnsResolver, a DNS server elsewhere, is enough.
      ''
      ++ optional (hidden != [ ]) ''
        dm-dns: '${machine.name}' has certificates for public names that no machine of the clan can
        resolve, because no service exports them: ${concatStringsSep ", " hidden}.
        Set roles.default.settings.wholeDomain = false of dm-dns${
          # No machine can have the domain itself.
          lib.optionalString (!lib.elem domain hidden) ", or export them with its setting names"
        }.
      ''
    );
}
