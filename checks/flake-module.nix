{ inputs, lib, ... }:
let
  differences = import ./module/differences.nix {
    clanCore = inputs.clan-core.outPath;
    lib = import (inputs.nixpkgs + "/lib");
  };

  # Folders below checks/ as the package `checks`. Changes elsewhere rebuild nothing.
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
      inherit (inputs.self.packages.${system}) dm-dns;
      inherit (pkgs) python3Packages;
      pythonWith =
        packages:
        python3Packages.python.withPackages (
          ps: [ (ps.toPythonModule dm-dns) ] ++ packages ps
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
              ./processes
              ./fake_data_mesher
            ]
          }
          exec python -m checks.demo "$@"
        '';
      };

      # The paths without their context: the machines are evaluated, but not built.
      toplevels = map (
        evaluated: builtins.unsafeDiscardStringContext evaluated.config.system.build.toplevel.drvPath
      ) (import ./module/systems.nix { inherit inputs system; });
      onLinux = lib.optionalAttrs pkgs.stdenv.hostPlatform.isLinux;
    in
    {
      apps = onLinux {
        demo.program = demo;
        demo.meta.description = "Machines of a clan on this one: their names, and one that moves";
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
        module =
          lib.throwIf (differences != [ ])
            ''
              The snapshots differ from what the module yields, in: ${toString differences}
              checks/README.md says how to make them again.
            ''
            (
              pkgs.runCommand "dm-dns-module" { inherit toplevels; } ''
                echo $toplevels > "$out"
              ''
            );

        inherit (dm-dns.tests) pytest;
      };

      devShells = onLinux {
        default = pkgs.mkShell {
          packages = [
            (pythonWith (ps: [
              ps.argparse-manpage
              ps.dnspython
              ps.hypothesis
              ps.import-linter
              ps.inline-snapshot
              ps.mypy
              ps.prometheus-client
              ps.pytest
              ps.rich
              ps.setuptools
              ps.shtab
              ps.types-requests
            ]))
            config.treefmt.build.wrapper
            pkgs.openssl
            pkgs.unbound
          ]
          ++ lib.attrValues config.treefmt.build.programs;
          # Python imports dm_dns from the checkout and not from the installed package.
          shellHook = ''
            export PYTHONPATH=$PWD/python/src:$PWD
          '';
        };
      };
    };
}
