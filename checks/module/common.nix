# Instances that most cases have.
{
  # The inputs that have dm-dns, and the services of services.nix.
  dmDnsInput ? "dm-dns",
  servicesInput ? "test",
  lib,
}:
{
  # dm-dns on all machines, `senders` send the zone
  dm-dns = senders: {
    module.input = dmDnsInput;
    module.name = "dm-dns";
    roles.default.tags = [ "all" ];
    roles.push.machines = lib.genAttrs senders (_machine: { });
  };

  # data-mesher on all machines, which find each other through `bootstraps`
  data-mesher = bootstraps: {
    module.name = "data-mesher";
    roles.default.tags = [ "all" ];
    roles.bootstrap.machines = lib.genAttrs bootstraps (_machine: { });
  };

  # a service of services.nix: { <machine> = <the hosts it exports>; }
  exports = service: hosts: {
    module.input = servicesInput;
    module.name = service;
    roles.default.machines = lib.mapAttrs (_machine: values: { settings.hosts = values; }) hosts;
  };
}
