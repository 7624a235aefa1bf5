# pkgs, native and images (sets of packages), advisory-db -> all checks but formatting and package builds.
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
  # rustdoc links with rust-lld, which writes no RUNPATH.
  doctest = craneLib.cargoDocTest (
    compiled // { LD_LIBRARY_PATH = lib.makeLibraryPath arguments.buildInputs; }
  );
  nextest = craneLib.cargoNextest (
    compiled
    // {
      # avifdec of nixpkgs, a decoder that this flake does not build.
      nativeBuildInputs = arguments.nativeBuildInputs ++ [ pkgs.libavif ];
      # .config/nextest.toml lists the tests that this profile omits.
      cargoNextestExtraArgs = "--profile nix";
    }
  );
  deny = craneLib.cargoDeny { inherit (arguments) pname version src; };
  audit = craneLib.cargoAudit {
    inherit (arguments) pname version src;
    inherit advisory-db;
  };
  # fenix must provide at least the rust-version in Cargo.toml.
  rust-version = pkgs.runCommand "rust-version" { nativeBuildInputs = [ craneLib.rustc ]; } ''
    version=$(rustc --version | cut --delimiter=' ' --fields=2)
    printf '%s\n' ${(lib.importTOML ../Cargo.toml).workspace.package.rust-version} "$version" | sort --check --version-sort
    touch $out
  '';
}
