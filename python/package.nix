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
        ./src/dm_dns
      ];
    };

    build-system = [ python3Packages.setuptools ];

    dependencies = [
      python3Packages.idna
      python3Packages.pynacl
      python3Packages.requests
    ];

    # `apply` needs the standard library only. Without the wrapper of bin/dm-dns, which is a shell
    # script, and without site it starts in a fraction of the time.
    postInstall = ''
      mkdir "$out/libexec"
      cat > "$out/libexec/dm-dns-apply" <<EOF
      #!${python.interpreter} -ISB
      import sys
      sys.path.append("$out/${python.sitePackages}")
      from dm_dns.node.apply import start
      start("/etc/dm-dns/apply.json", *sys.argv[1:])
      EOF
      chmod +x "$out/libexec/dm-dns-apply"
    '';

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
