# The rest of the world: a DNS server on one of the machines.
{
  # of that machine
  address,
  machine,
  # The folder that has `checks.world`.
  scenarios,
}:
{
  nodes.${machine} =
    { pkgs, ... }:
    let
      python = pkgs.python3.withPackages (packages: [ packages.dnspython ]);
    in
    {
      networking.firewall.allowedUDPPorts = [ 53 ];
      systemd.services.world = {
        description = "DNS server for names outside of the clan";
        wantedBy = [ "multi-user.target" ];
        environment.PYTHONPATH = "${scenarios}";
        startLimitIntervalSec = 0;
        serviceConfig = {
          ExecStart = "${python}/bin/python -m checks.world ${address}";
          # Until the machine has its address.
          Restart = "on-failure";
          RestartSec = 1;
        };
      };
    };
}
