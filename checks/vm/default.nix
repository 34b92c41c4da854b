# The scenarios that run on NixOS. The others change files that NixOS has in its store.
{
  # The folder that has `checks.scenarios`.
  scenarios,
}:
let
  run = clan: scenario: import ./scenario.nix { inherit clan scenario scenarios; };
  pushers = import ./pushers.nix;
in
{
  vm-automatic = run pushers "automatic";
  vm-bad-zones = run { } "bad_zones";
  vm-change = run { } "change";
  vm-names = run { } "names";
  vm-push = run { } "push";
  vm-rollback = run pushers "rollback";
  vm-withdraw = run pushers "withdraw";
}
