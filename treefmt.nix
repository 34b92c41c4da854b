# `nix fmt`, and the check `treefmt` of `nix flake check`: all formatters and linters. `make test`
# runs the same ones, except for nixfmt; the files they are configured in are read by both.
{ inputs, ... }:
{
  imports = [ inputs.treefmt-nix.flakeModule ];

  perSystem.treefmt = {
    programs = {
      # Nix
      deadnix.enable = true;
      nixfmt.enable = true;
      # Python: python/pyproject.toml and checks/pyproject.toml
      ruff-check.enable = true;
      ruff-format.enable = true;
      shellcheck.enable = true;
      # spelling: _typos.toml
      typos.enable = true;
    };
    # Scripts without the suffix that treefmt knows them by.
    settings.formatter.shellcheck.includes = [
      ".ci/run"
      "checks/setup/*"
    ];
  };
}
