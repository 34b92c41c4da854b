# The scenarios that run on NixOS.
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
  vm-names = run { } "names";
  vm-push = run { } "push";
  vm-rollback = run pushers "rollback";
  vm-withdraw = run pushers "withdraw";
}
