# Packages that cannot be built: names, paths and, of text files, the text. A package that is
# missing here fails the evaluation.
{ lib }:
let
  package =
    name: attributes:
    let
      # No hash: nothing of this may be taken for what is in a store.
      outPath = "${builtins.storeDir}/${name}";
      self = {
        type = "derivation";
        inherit name outPath;
        drvPath = "${outPath}.drv";
        outputs = [ "out" ];
        outputName = "out";
        out = self;
      }
      // attributes;
    in
    self;

  # Without the version: a release changes nothing that the cases show.
  application = args: package args.pname { inherit (args) meta; };

  pkgs =
    lib.genAttrs [
      "age"
      "coreutils"
      "data-mesher"
      "dnsutils"
      "openssl"
      "util-linux"
    ] (name: package name { })
    // {
      systemd = package "systemd" { version = "259"; };
      python3.withPackages =
        choose:
        let
          names = map (chosen: chosen.name) (choose pkgs.python3Packages);
        in
        package (lib.concatStringsSep "-" ([ "python3" ] ++ names)) { };
      python3Packages = {
        buildPythonApplication = application;
        dnspython = package "dnspython" { };
        python = package "python3" { };
      };
      inherit lib;
      stdenv.hostPlatform.isDarwin = false;
      runCommand = name: _env: _script: package name { };
      # The text is known by its hash where only the path is seen, such as in a script.
      writeText =
        name: text:
        let
          hash = builtins.hashString "sha256" text;
        in
        package "${builtins.substring 0 32 hash}-${name}" { inherit text; };
      writeShellApplication =
        {
          name,
          runtimeInputs ? [ ],
          text,
          ...
        }:
        package name { inherit runtimeInputs text; };
      callPackage =
        file: arguments:
        let
          function = import file;
        in
        function (builtins.intersectAttrs (builtins.functionArgs function) pkgs // arguments);
    };
in
pkgs
