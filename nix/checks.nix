# pkgs, native and images (sets of packages), advisory-db -> the checks that compile or run something.
{
  pkgs,
  native,
  images,
  advisory-db,
}:
let
  inherit (pkgs) lib;
  inherit (native) craneLib;
  arguments = native.workspace.checkArguments;
  compiled = arguments // {
    cargoArtifacts = craneLib.buildDepsOnly arguments;
    # Nothing else uses the compiled files of the checks.
    doInstallCargoArtifacts = false;
  };
in
lib.mapAttrs (_: target: import ./image-check.nix { inherit pkgs native target; }) images
// {
  clippy = craneLib.cargoClippy (
    compiled // { cargoClippyExtraArgs = "--all-targets -- --deny warnings"; }
  );
  docs = craneLib.cargoDoc compiled;
  doctest = craneLib.cargoDocTest compiled;
  nextest = craneLib.cargoNextest (
    compiled
    // {
      # This package contains avifdec, an independent decoder.
      nativeBuildInputs = arguments.nativeBuildInputs ++ [ pkgs.libavif ];
      # .config/nextest.toml says which tests this profile omits.
      cargoNextestExtraArgs = "--profile nix";
    }
  );
  deny = craneLib.cargoDeny { inherit (arguments) pname version src; };
  audit = craneLib.cargoAudit {
    inherit (arguments) pname version src;
    inherit advisory-db;
  };
  # fenix must not be older than the oldest Rust that the crates promise to support.
  rust-version = pkgs.runCommand "rust-version" { nativeBuildInputs = [ craneLib.rustc ]; } ''
    version=$(rustc --version | cut --delimiter=' ' --fields=2)
    printf '%s\n' ${(lib.importTOML ../Cargo.toml).workspace.package.rust-version} "$version" | sort --check --version-sort
    touch $out
  '';
}
