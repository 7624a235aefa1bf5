# craneLib, libavif -> the workspace. `passthru` holds its programs, a derivation each, and the arguments
# that every other derivation about the workspace is made of.
{
  lib,
  stdenv,
  runCommand,
  cmake,
  nasm,
  pkg-config,
  pkgsBuildBuild,
  craneLib,
  libavif,
}:
let
  inherit ((lib.importTOML ../Cargo.toml).workspace.package) version;

  arguments = {
    pname = "avif-lambda";
    inherit version;
    # What Cargo reads, and nothing else: editing a README or a Nix file compiles nothing.
    src = lib.fileset.toSource {
      root = ../.;
      fileset = lib.fileset.unions [
        ../Cargo.toml
        ../Cargo.lock
        ../clippy.toml
        ../.config/nextest.toml
        ../crates
      ];
    };
    strictDeps = true;
    # One choice of packages and features everywhere, or Cargo would compile the dependencies again.
    cargoExtraArgs = "--locked --workspace --no-default-features --features system";
    nativeBuildInputs = [
      # For libjpeg-turbo, whose sources a crate brings.
      cmake
      nasm
      pkg-config
      # The build machine's libclang reads headers for any target; one made for the target would have to be compiled...
      pkgsBuildBuild.rustPlatform.bindgenHook
    ];
    buildInputs = [ libavif ];
    # ...and has to be given those of the target's C library before its own. Darwin's are in its SDK, where it looks.
    preBuild = lib.optionalString stdenv.hostPlatform.isLinux ''
      export BINDGEN_EXTRA_CLANG_ARGS="-isystem ${lib.getDev stdenv.cc.libc}/include $BINDGEN_EXTRA_CLANG_ARGS"
    '';
  };

  # What the function is made of, as a digest: a commit's hash would make another image of every commit.
  revision = builtins.substring 0 32 (
    baseNameOf (
      builtins.unsafeDiscardStringContext
        (lib.fileset.toSource {
          root = ../.;
          fileset = lib.fileset.unions [
            ../Cargo.toml
            ../Cargo.lock
            ../crates/model
            ../crates/avif
            ../crates/convert
            ../crates/transfer
            ../crates/function
          ];
        }).outPath
    )
  );

  # The packages that these options of Cargo select, and their dependencies as a derivation of their own: compiled once for
  # what is shipped and once for what checks it, since linking each test as a whole program would take minutes.
  build =
    selection: more:
    let
      selected = arguments // {
        cargoExtraArgs = "--locked ${selection} --no-default-features --features system";
        # `nix flake check` runs the tests, by nextest.
        doCheck = false;
      };
    in
    craneLib.buildPackage (
      selected
      // {
        cargoArtifacts = craneLib.buildDepsOnly (
          selected
          // {
            # Without `cargo check` and tests, which are for the others.
            buildPhaseCargoCommand = "cargoWithProfile build ${selected.cargoExtraArgs}";
          }
        );
        # There is no library of its own to find, and an output's path in the programs makes other bits of every edit.
        NIX_NO_SELF_RPATH = 1;
      }
      // more
    );
  checking = arguments // {
    CARGO_PROFILE = "quick";
    # What they compile serves nobody else.
    doInstallCargoArtifacts = false;
  };

  # The command line tool apart: Cargo would turn on its ways to load credentials in the function, too.
  tool = build "--package cli" { pname = "avif"; };

  workspace = build "--workspace --exclude cli" {
    passthru = {
      inherit arguments;
      # For the checks: the arguments of a derivation that compiles the workspace.
      checking = checking // {
        cargoArtifacts = craneLib.buildDepsOnly (
          checking
          // {
            # Without `cargo build`, which only nextest would use.
            buildPhaseCargoCommand = "cargoWithProfile check ${arguments.cargoExtraArgs} --all-targets";
          }
        );
      };
      bootstrap = program workspace "bootstrap" "The Lambda function: photographs in S3 become AVIF";
      extension =
        program workspace "avif-extension"
          "The Lambda extension: metrics, logs and traces of any function";
      avif = program tool "avif" "Photographs to AVIF on this machine, and the function itself";
    };
  };

  program =
    package: name: description:
    runCommand "${name}-${version}"
      {
        pname = name;
        inherit version;
        passthru = { inherit revision; };
        meta = {
          inherit description;
          mainProgram = name;
          license = with lib.licenses; [
            mit
            asl20
          ];
          platforms = lib.platforms.linux;
        };
      }
      ''
        install -D --mode=555 --target-directory=$out/bin ${package}/bin/${name}
      '';
in
workspace
