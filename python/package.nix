{
  lib,
  openssl,
  python3Packages,
  runCommand,
}:
let
  inherit (python3Packages) python;
  inherit (lib.importTOML ./pyproject.toml) project;

  package = python3Packages.buildPythonApplication {
    pname = project.name;
    inherit (project) version;
    pyproject = true;

    src = lib.fileset.toSource {
      root = ./.;
      fileset = lib.fileset.unions [
        ./pyproject.toml
        # makes the manual page and the completions
        ./setup.py
        ./src/dm_dns
      ];
    };

    build-system = [
      python3Packages.argparse-manpage
      python3Packages.setuptools
      python3Packages.shtab
    ];

    dependencies = [
      python3Packages.idna
      python3Packages.jinja2
      python3Packages.pynacl
      python3Packages.requests
    ];

    pythonImportsCheck = [ "dm_dns" ];

    passthru.tests.pytest =
      runCommand "dm-dns-pytest"
        {
          nativeBuildInputs = [
            openssl
            (python.withPackages (ps: [
              (ps.toPythonModule package)
              ps.dnspython
              ps.hypothesis
              ps.inline-snapshot
              ps.prometheus-client
              ps.pytest
            ]))
          ];
        }
        ''
          cp --recursive --no-preserve=mode ${./tests} tests
          cp ${./pyproject.toml} pyproject.toml
          python -m pytest
          touch "$out"
        '';

    meta = {
      inherit (project) description;
      license = lib.licenses.mit;
      mainProgram = "dm-dns";
      platforms = lib.platforms.unix;
    };
  };
in
package
