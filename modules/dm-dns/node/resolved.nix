# systemd-resolved: asks the hook (units.nix) for the clan's names.
#
# resolved asks hooks before anything else, and what they answer counts, however it is set up. A DNS
# server that it is configured to ask does not: DNSSEC and DNS over TLS apply to it, a link with the
# same domain competes with it, and without a network it is not asked.
{
  domain,
  machine,
  settings,
}:
{
  config,
  lib,
  pkgs,
  ...
}:
let
  systemdVersion = config.systemd.package.version;

  # What resolved asks if unbound does not answer: a server to which no query can be sent (connect(2):
  # EACCES). The lookup fails immediately, as one that may be tried again, and no query for a name of
  # the clan leaves the machine. It must not catch the names of the domain that are not the clan's; so
  # if there are such names, the hook leads lookups to another one, see hook_names.py.
  delegate = pkgs.writeText "dm-dns.dns-delegate" ''
    [Delegate]
    DNS=255.255.255.255
    Domains=~${if settings.wholeDomain then domain else import ./dead-end.nix}
    DefaultRoute=no
  '';
in
{
  assertions = [
    {
      assertion = lib.versionAtLeast systemdVersion "259";
      message = ''
        dm-dns: hooks of systemd-resolved need systemd 259; '${machine.name}' has ${systemdVersion}.
        Use nixpkgs 26.05 or newer.
      '';
    }
    {
      assertion = config.services.resolved.enable;
      message = ''
        dm-dns: programs on '${machine.name}' ask systemd-resolved for the clan's names, but
        services.resolved.enable is false.
        Remove that, or take the machine out of the role default.
      '';
    }
  ];

  warnings =
    import ../mdns.nix {
      inherit domain lib;
      inherit (settings) wholeDomain;
    }
    # resolved asks the hook for a name as it is, and not for one with a search domain.
    ++ lib.optional (!settings.search && lib.elem domain config.networking.search) ''
      dm-dns: networking.search on '${machine.name}' has the clan's domain, but systemd-resolved does
      not find the clan's names through it: most programs still need the full names.
      Remove it, and set roles.default.settings.search of dm-dns, or
      roles.default.machines.${machine.name}.settings.search, to true.
    '';

  # Stronger than the defaults of NixOS, which turns the second one on in containers. Weaker than what
  # people write: then the assertions here and in conflicts.nix say what is wrong.
  services.resolved.enable = lib.mkOverride 900 true;
  networking.useHostResolvConf = lib.mkOverride 900 false;

  environment.etc."systemd/dns-delegate.d/dm-dns.dns-delegate".source = delegate;
  systemd.services.systemd-resolved.reloadTriggers = [ delegate ];
}
