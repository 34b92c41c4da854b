# Machines with the Python that the scenario `outages` runs a program with.
{
  defaults =
    { pkgs, ... }:
    {
      environment.systemPackages = [ pkgs.python3 ];
    };
}
