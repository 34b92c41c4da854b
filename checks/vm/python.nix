# Machines with the Python that the scenarios `outages` and `public` run programs with.
{
  defaults =
    { pkgs, ... }:
    {
      environment.systemPackages = [ pkgs.python3 ];
    };
}
