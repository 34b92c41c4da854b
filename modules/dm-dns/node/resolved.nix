# systemd-resolved: queries unbound for the clan's names.
{
  # where unbound answers
  address,
  port,
  domain,
  machine,
}:
{
  config,
  lib,
  pkgs,
  ...
}:
let
  systemdVersion = config.systemd.package.version;

  delegate = pkgs.writeText "dm-dns.dns-delegate" ''
    [Delegate]
    DNS=${address}:${toString port}
    Domains=~${domain}
    DefaultRoute=no
  '';
in
{
  assertions = [
    {
      assertion = lib.versionAtLeast systemdVersion "258";
      message = ''
        dm-dns: DNS delegates need systemd 258; '${machine.name}' has ${systemdVersion}.
        Use nixpkgs 25.11 or newer.
      '';
    }
    {
      # Also where it is forced off, which the definition below cannot prevent.
      assertion = config.services.resolved.enable;
      message = ''
        dm-dns: programs on '${machine.name}' ask systemd-resolved for the clan's names, but
        services.resolved.enable is forced to false.
        Remove that, or take the machine out of the role default.
      '';
    }
    {
      assertion = !config.networking.useHostResolvConf;
      message = ''
        dm-dns: networking.useHostResolvConf is forced to true on '${machine.name}': programs would ask
        the host's DNS servers and not systemd-resolved, which knows the clan's names.
        Remove that, or take the machine out of the role default.
      '';
    }
  ];

  services.resolved.enable = true;
  # NixOS turns this on in containers, where it excludes resolved.
  networking.useHostResolvConf = false;

  # A delegate and not the global DNS=: resolved uses one of the global servers at a time, and
  # switches between them.
  environment.etc."systemd/dns-delegate.d/dm-dns.dns-delegate".source = delegate;
  systemd.services.systemd-resolved.reloadTriggers = [ delegate ];
}
