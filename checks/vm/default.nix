# The scenarios on NixOS, with the real data-mesher: tests of clan-core's, by their names.
{
  # The folder that has `checks.scenarios`, `checks.vm.clock` and `checks.world`.
  scenarios,
}:
let
  run = import ./scenario.nix;

  # A clan that finds dm-dns in its own flake.
  clanOf = file: {
    imports = [
      (import file {
        module.input = "self";
        module.name = "dm-dns";
      })
    ];
    modules.dm-dns = ../../modules/dm-dns;
  };

  # None of these machines pushes automatically.
  three = {
    inherit scenarios;
    clan = import ./three.nix { };
    machines = [
      "client"
      "server"
      "third"
    ];
    pusher = "server";
  };
  pushers = three // {
    clan = import ./three.nix (import ./pushers.nix);
  };
  public = three // {
    clan = clanOf ./public.nix;
  };
  roaming = {
    inherit scenarios;
    clan = clanOf ./roaming.nix;
    machines = [
      "laptop"
      "nas"
    ];
    pusher = "nas";
  };
  lan = {
    inherit scenarios;
    clan = import ./lan.nix { };
    machines = [
      "catastravia"
      "judradjim"
      "nephtear"
      "zoltraak"
    ];
    pusher = "judradjim";
  };
  web = {
    inherit scenarios;
    clan = clanOf ./web.nix;
    machines = [
      "both"
      "four"
      "six"
    ];
    pusher = "both";
  };
in
{
  vm-automatic = run pushers { name = "automatic"; };
  vm-avahi = run three {
    name = "avahi";
    arguments = [ ];
    config = ./avahi.nix;
  };
  vm-bad-zones = run three { name = "bad_zones"; };
  vm-broken-hook = run three {
    name = "broken_hook";
    arguments = [ ];
  };
  vm-change = run three { name = "change"; };
  vm-doctor = run three {
    name = "doctor";
    arguments = [
      "push"
      "clock.turn"
    ];
    imports = "from checks.vm import clock  # type: ignore";
  };
  vm-early-and-late = run three {
    name = "early_and_late";
    arguments = [ ];
  };
  vm-faults = run three {
    name = "faults";
    arguments = [
      "push"
      "clock.turn"
    ];
    imports = "from checks.vm import clock  # type: ignore";
  };
  vm-first-boot = run three { name = "first_boot"; };
  vm-foreign = run three {
    name = "foreign";
    arguments = [ ''scenario.World("192.168.1.3", "eth1")'' ];
    # Machines have their addresses in the order of their names.
    config = import ./world.nix {
      inherit scenarios;
      address = "192.168.1.3";
      machine = "third";
    };
  };
  vm-health = run three { name = "health"; };
  vm-inspect = run three { name = "inspect"; };
  vm-hostile-boot = run three { name = "hostile_boot"; };
  vm-leaked-key = run pushers {
    name = "leaked_key";
    config = ./python.nix;
  };
  vm-listening = run (lan // { clan = import ./lan.nix { hasVpns = false; }; }) {
    name = "listening";
    arguments = [ ''"eth1"'' ];
    config = ./python.nix;
  };
  vm-names = run three { name = "names"; };
  vm-networks = run lan {
    name = "networks";
    arguments = [ ];
  };
  vm-outages = run three {
    name = "outages";
    arguments = [ ];
    config = ./python.nix;
  };
  vm-public = run public {
    name = "public";
    config = ./python.nix;
  };
  vm-push = run three { name = "push"; };
  vm-resolver = run lan {
    name = "resolver";
    arguments = [ ];
  };
  vm-reverse = run public { name = "reverse"; };
  vm-roaming = run roaming {
    name = "roaming";
    arguments = [ ];
    config = ./python.nix;
  };
  vm-rollback = run pushers { name = "rollback"; };
  vm-sandbox = run three {
    name = "sandbox";
    arguments = [ ];
  };
  vm-sandbox-push = run pushers {
    name = "sandbox";
    arguments = [ ];
  };
  vm-short-names = run lan {
    name = "short_names";
    arguments = [ ];
  };
  vm-thief = run three {
    name = "thief";
    arguments = [ ];
    config = ./python.nix;
  };
  vm-web = run web {
    name = "web";
    arguments = [ ''"eth1"'' ];
  };
  vm-withdraw = run pushers { name = "withdraw"; };
}
