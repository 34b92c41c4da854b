{ inputs, lib, ... }:
let
  differences = import ./eval/differences.nix {
    clanCore = inputs.clan-core.outPath;
    lib = import (inputs.nixpkgs + "/lib");
  };

  # Folders below checks/ as the package `checks`; what else changes makes nothing anew.
  sourceOf =
    folders:
    lib.fileset.toSource {
      root = ../.;
      fileset = lib.fileset.unions ([ ./__init__.py ] ++ folders);
    };
in
{
  imports = [ inputs.clan-core.flakeModules.testModule ];

  perSystem =
    {
      config,
      pkgs,
      system,
      ...
    }:
    let
      inherit (pkgs) python3Packages;
      pythonWith =
        packages:
        python3Packages.python.withPackages (
          ps: [ (ps.toPythonModule config.packages.dm-dns) ] ++ packages ps
        );

      demo = pkgs.writeShellApplication {
        name = "dm-dns-demo";
        runtimeInputs = [
          (pythonWith (ps: [
            ps.dnspython
            ps.rich
          ]))
          # The fake one. The demo says so.
          (pkgs.writeShellScriptBin "data-mesher" ''exec python -m checks.fake_data_mesher "$@"'')
          pkgs.openssl
          pkgs.unbound
        ];
        text = ''
          export PYTHONPATH=${
            sourceOf [
              ./demo
              ./example
              ./processes
              ./fake_data_mesher
            ]
          }
          exec python -m checks.demo "$@"
        '';
      };

      machine = import ./eval/nixos.nix { inherit inputs system; };
      # The path alone: it is evaluated for it, and not built.
      toplevel = builtins.unsafeDiscardStringContext machine.config.system.build.toplevel.drvPath;
      onLinux = lib.optionalAttrs pkgs.stdenv.hostPlatform.isLinux;
    in
    {
      apps = onLinux {
        default.program = demo;
        default.meta.description = "A clan's nodes on this machine: its names, and one that moves";
      };

      # clan-core makes checks of them, on Linux.
      clan.nixosTests = import ./vm {
        scenarios = sourceOf [
          ./scenarios
          ./vm/__init__.py
          ./vm/clock.py
          ./world.py
        ];
      };

      checks = onLinux {
        eval =
          lib.throwIf (differences != [ ])
            ''
              The record of these cases is not what the module yields: ${toString differences}
              See checks/eval/README.md for how to make it anew.
            ''
            (
              pkgs.runCommand "dm-dns-eval" { inherit toplevel; } ''
                echo "$toplevel" > "$out"
              ''
            );

        inherit (config.packages.dm-dns.tests) pytest;
      };

      devShells = onLinux {
        default = pkgs.mkShell {
          packages = [
            (pythonWith (ps: [
              ps.dnspython
              ps.hypothesis
              ps.inline-snapshot
              ps.mypy
              ps.pytest
              ps.rich
              ps.types-requests
            ]))
            pkgs.deadnix
            pkgs.nixfmt
            pkgs.openssl
            pkgs.ruff
            pkgs.shellcheck
            pkgs.unbound
          ];
          # The checkout, not the dm-dns that is installed beside it.
          shellHook = ''
            export PYTHONPATH=$PWD/python/src:$PWD
          '';
        };
      };
    };
}
