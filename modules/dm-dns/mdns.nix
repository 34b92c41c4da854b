# What is wrong with a domain that RFC 6762, section 3, reserves for multicast DNS (mDNS): warnings.
{
  domain,
  lib,
  # as the setting: others' names resolve by mDNS where it is false
  wholeDomain,
}:
lib.optional (lib.hasSuffix ".local" ".${domain}") ''
  dm-dns: the clan's domain, ${domain}, is one that RFC 6762 reserves for multicast DNS (mDNS).
  ${lib.optionalString (domain == "local" && wholeDomain) ''
    Machines of the clan do not find other devices by their names in it, such as printer.local.
  ''}Phones and Macs may ask the LAN for the clan's names, and not DNS.${
    lib.optionalString wholeDomain " While unbound is stopped, machines\nof the clan may do so too, and then whatever is in the LAN can answer for them."
  }
  Set another meta.domain, such as a subdomain of a domain that you own.
''
