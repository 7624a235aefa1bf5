# craneLib, libavif -> the workspace. `passthru` contains one derivation for each program, and the arguments for all other
# derivations of the workspace.
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
    # Only the files that Cargo reads, so that a change of a README or a Nix file does not start a build.
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
    # All derivations use the same packages and features. Otherwise Cargo compiles the dependencies again.
    cargoExtraArgs = "--locked --workspace --no-default-features --features system";
    nativeBuildInputs = [
      # For libjpeg-turbo, which a crate contains as source code.
      cmake
      nasm
      pkg-config
      # The libclang of the build machine can read headers for any target. A libclang for the target would have to be compiled.
      pkgsBuildBuild.rustPlatform.bindgenHook
    ];
    buildInputs = [ libavif ];
    # The headers of the target's C library come before those of the build machine. On Darwin, libclang finds them in the SDK.
    preBuild = lib.optionalString stdenv.hostPlatform.isLinux ''
      export BINDGEN_EXTRA_CLANG_ARGS="-isystem ${lib.getDev stdenv.cc.libc}/include $BINDGEN_EXTRA_CLANG_ARGS"
    '';
  };

  # The version contains a digest of the function's sources. A commit hash would change the image with every commit.
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
            ../crates/environment
            ../crates/settings
            ../crates/function
          ];
        }).outPath
    )
  );

  # The packages that these Cargo options select. Their dependencies are a separate derivation. The release and the checks compile
  # the dependencies with different profiles, because linking each test with the release profile would take minutes.
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
            # This derivation omits `cargo check` and tests, which only the checks need.
            buildPhaseCargoCommand = "cargoWithProfile build ${selected.cargoExtraArgs}";
          }
        );
        # The programs need no library of this package. An output path in the programs would change them with every edit.
        NIX_NO_SELF_RPATH = 1;
      }
      // more
    );
  checking = arguments // {
    CARGO_PROFILE = "quick";
    # Nothing else uses the compiled files of the checks.
    doInstallCargoArtifacts = false;
  };

  # The command line tool is built separately. Otherwise Cargo would turn on its credential features in the function, too.
  tool = build "--package cli" { pname = "avif"; };

  workspace = build "--workspace --exclude cli" {
    passthru = {
      inherit arguments;
      # The arguments of a derivation that compiles the workspace, for the checks.
      checking = checking // {
        cargoArtifacts = craneLib.buildDepsOnly (
          checking
          // {
            # This derivation omits `cargo build`, which only nextest needs.
            buildPhaseCargoCommand = "cargoWithProfile check ${arguments.cargoExtraArgs} --all-targets";
          }
        );
      };
      bootstrap = program workspace "bootstrap" "Lambda function that converts images in S3 to AVIF";
      extension =
        program workspace "avif-extension"
          "Lambda extension: metrics, logs and traces of any function";
      avif = program tool "avif" "Converts images to AVIF locally, and runs the function locally";
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
