# pkgs, native and images (packages of an architecture), advisory-db -> the checks of `nix flake check`.
{
  pkgs,
  native,
  images,
  advisory-db,
}:
let
  inherit (pkgs) lib;
  inherit (native) craneLib;
  inherit (native.workspace) checking;
  compiled = checking // {
    cargoArtifacts = craneLib.buildDepsOnly checking;
    # Nothing else uses the compiled files of the checks.
    doInstallCargoArtifacts = false;
  };
  imageCheck = target: import ./image-check.nix { inherit pkgs native target; };
in
lib.listToAttrs (
  map (target: lib.nameValuePair "image-${target.architecture}" (imageCheck target)) images
)
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
      nativeBuildInputs = checking.nativeBuildInputs ++ [ pkgs.libavif ];
      # .config/nextest.toml says which tests this profile omits.
      cargoNextestExtraArgs = "--profile nix";
    }
  );
  deny = craneLib.cargoDeny {
    inherit (checking) pname version src;
    # The default path of cargo-deny. The option for another path differs between versions.
    preBuild = "cp ${../deny.toml} deny.toml";
  };
  audit = craneLib.cargoAudit {
    inherit (checking) pname version src;
    inherit advisory-db;
  };
  # fenix must not be older than the oldest Rust that the crates promise to support.
  rust-version = pkgs.runCommand "rust-version" { nativeBuildInputs = [ craneLib.rustc ]; } ''
    version=$(rustc --version | cut --delimiter=' ' --fields=2)
    printf '%s\n' ${(lib.importTOML ../Cargo.toml).workspace.package.rust-version} "$version" | sort --check --version-sort
    touch $out
  '';
}
