# What `clan vars generate` has not made yet, or made of what is no longer so.
{
  all,
  common,
  server,
  ...
}:
let
  names = server {
    addresses = [ "fd00::1" ];
    names = [ "git.test" ];
  };
in
{
  # In a new clan, one run makes addresses and a zone without them.
  "an outdated zone" = {
    message = "the zone that 'server' is deployed with is outdated";
    mistake = all [
      { directory = ../clan-outdated; }
      names
    ];
    # Its .validation-hash is that of the zone spec of this clan: sha256 of {"zoneContent":"<the spec>"}.
    remedies."Run 'clan vars generate'" = all [
      { directory = ../clan-current; }
      names
    ];
  };

  "an address that is not generated" =
    let
      vpn = generator: {
        inventory.instances.vpn = common.exports "vpn" {
          server = [
            {
              var = {
                inherit generator;
                file = "address";
                flake = ../clan;
                machine = "server";
              };
            }
          ];
        };
      };
    in
    {
      message = "lacks addresses that are not generated yet, of 'server'";
      mistake = vpn "new-vpn";
      # It has one.
      remedies."Run 'clan vars generate' twice: the second time renders the zone with them" = vpn "vpn";
    };
}
