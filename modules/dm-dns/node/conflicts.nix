# What NixOS and clan-core set for systemd-resolved, and people sometimes otherwise.
{ machine }:
{ config, lib, ... }:
let
  inherit (builtins) toJSON tryEval;
  inherit (lib)
    concatMapStringsSep
    elem
    filter
    isBool
    mkBefore
    mkIf
    mkOverride
    optionals
    toLower
    ;

  stub = "/run/systemd/resolve/stub-resolv.conf";

  # Whether resolved answers programs that read /etc/resolv.conf, most of which use UDP. Without it,
  # the file in `stub` has the DNS servers of the networks.
  stubListener = config.services.resolved.settings.Resolve.DNSStubListener or true;
  isListening =
    if isBool stubListener then
      stubListener
    else
      elem (toLower (toString stubListener)) [
        "1"
        "on"
        "t"
        "true"
        "udp"
        "y"
        "yes"
      ];

  required = optionals config.services.resolved.enable [
    {
      option = "networking.useHostResolvConf";
      value = config.networking.useHostResolvConf;
      needed = false;
      otherwise = "programs would ask the DNS servers of the container's host";
    }
    {
      option = "networking.networkmanager.dns";
      value =
        if config.networking.networkmanager.enable then
          config.networking.networkmanager.dns
        else
          "systemd-resolved";
      needed = "systemd-resolved";
      otherwise = "NetworkManager would give programs the DNS servers of the networks";
    }
    {
      option = "networking.resolvconf.enable";
      value = config.networking.resolvconf.enable;
      needed = false;
      otherwise = "resolvconf would write other DNS servers to /etc/resolv.conf";
    }
    {
      option = ''environment.etc."resolv.conf".source'';
      value = config.environment.etc."resolv.conf".source or stub;
      needed = stub;
      otherwise = "programs that read /etc/resolv.conf would ask other DNS servers";
    }
    {
      option = "services.resolved.settings.Resolve.DNSStubListener";
      value = isListening;
      needed = true;
      otherwise =
        "programs that read /etc/resolv.conf would ask other DNS servers, or none. Another DNS server "
        + "of this machine can listen on its other addresses";
    }
  ];

  # Two definitions of the same priority throw.
  isWrong =
    { value, needed, ... }:
    let
      tried = tryEval value;
    in
    !tried.success || toString tried.value != toString needed;
  wrong = filter isWrong required;

  message = ''
    dm-dns: programs on '${machine.name}' must ask systemd-resolved for the clan's names, but some
    options are not what that needs:
    ${concatMapStringsSep "\n" (
      {
        option,
        needed,
        otherwise,
        ...
      }:
      "  ${option} must be ${toJSON needed}: otherwise ${otherwise}"
    ) wrong}
    Remove your definitions of them, or take the machine out of the role default. DNS servers for
    other names belong in networking.nameservers.
  '';
in
{
  # Before all others, and it throws: NixOS has assertions on the same options, which would only say
  # that definitions conflict.
  assertions = mkBefore [
    {
      assertion = wrong == [ ] || throw message;
      inherit message;
    }
  ];

  # NixOS says the same, so a `true` would conflict with that, before there are assertions.
  networking.resolvconf.enable = mkIf config.services.resolved.enable (mkOverride 90 false);
}
