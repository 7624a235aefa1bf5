# craneLib, libavif, libwebp -> the programs bootstrap, extension and avif, the arguments of the checks, and the features.
{
  lib,
  stdenv,
  cmake,
  nasm,
  pkg-config,
  pkgsBuildBuild,
  craneLib,
  libavif,
  libwebp,
  withHeic,
}:
let
  inherit (lib) fileset;
  inherit (lib.importTOML ../Cargo.toml) workspace;
  # Only the files of the crates, so that a change of a README or a Nix file does not start a build.
  sourceOf =
    files:
    fileset.toSource {
      root = ../.;
      fileset = fileset.unions ([ ../Cargo.toml ] ++ files);
    };
  src = sourceOf [
    ../Cargo.lock
    ../clippy.toml
    ../deny.toml
    ../.config/nextest.toml
    ../crates
  ];

  common = {
    inherit src;
    inherit (workspace.package) version;
    pname = "avif-lambda";
    cargoVendorDir = craneLib.vendorCargoDeps { inherit src; };
    strictDeps = true;
    nativeBuildInputs = [
      # To compile libjpeg-turbo, whose source code the crate turbojpeg-sys contains.
      cmake
      nasm
      # To find libavif and libwebp.
      pkg-config
      # The libclang of the build machine can read headers for any target. No binary cache has one for the target.
      pkgsBuildBuild.rustPlatform.bindgenHook
    ];
    buildInputs = [
      libavif
      libwebp
    ];
    env = {
      # Cargo compiles bindgen again if its environment changes. By default, this seed differs between derivations.
      NIX_OUTPATH_USED_AS_RANDOM_SEED = "aaaaaaaaaa";
      # rust-lld, the default linker, writes no RUNPATH, so the programs would not find their libraries.
      CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_RUSTFLAGS = "-Clinker-features=-lld";
      RUSTDOCFLAGS = "--deny warnings";
    };
    # Puts the headers of the target's C library before those of the build machine. On Darwin, libclang finds them in the SDK.
    preBuild = lib.optionalString stdenv.hostPlatform.isLinux ''
      export BINDGEN_EXTRA_CLANG_ARGS="-isystem ${lib.getDev stdenv.cc.libc}/include $BINDGEN_EXTRA_CLANG_ARGS"
    '';
  };

  folder = crate: ../crates + "/${crate}";
  # A crate and the crates of the workspace that it contains.
  closure =
    crate:
    let
      dependencies = (lib.importTOML (folder crate + "/Cargo.toml")).dependencies or { };
    in
    [ crate ]
    ++ lib.concatMap closure (
      lib.filter (name: lib.pathExists (folder name)) (lib.attrNames dependencies)
    );
  withoutTests =
    crate: fileset.difference (folder crate) (fileset.maybeMissing (folder "${crate}/tests"));
  # The sources of these crates. The other crates are dummies: without them, Cargo.lock would not match the workspace, and Cargo
  # would not find the crates that only tests use.
  programSource =
    crate:
    craneLib.mkDummySrc {
      inherit src;
      extraDummyScript = ''
        cp --recursive --force --no-preserve=mode ${sourceOf (map withoutTests (closure crate))}/. $out
      '';
    };

  features = "--no-default-features --features system" + lib.optionalString withHeic ",heic";
  # The crates of the programs, with the options of Cargo. The extension does not contain libavif.
  cargoOptions = {
    function = "--locked --package function ${features}";
    extension = "--locked --package extension";
    cli = "--locked --package cli ${features}";
  };
  # The dependencies of all programs, compiled with the options of each, so that no program gets the features of another.
  cargoArtifacts = craneLib.buildDepsOnly (
    common
    // {
      buildPhaseCargoCommand = lib.concatMapAttrsStringSep "\n" (
        _: option: "cargoWithProfile build ${option}"
      ) cargoOptions;
      doCheck = false;
    }
  );
  build =
    crate:
    let
      manifest = lib.importTOML (folder crate + "/Cargo.toml");
      inherit (lib.head manifest.bin) name;
    in
    craneLib.buildPackage (
      common
      // {
        inherit cargoArtifacts;
        pname = name;
        src = programSource crate;
        cargoExtraArgs = cargoOptions.${crate};
        doCheck = false;
        meta = {
          inherit (manifest.package) description;
          mainProgram = name;
          license = lib.attrValues { inherit (lib.licenses) asl20 mit; };
        };
      }
    );
in
{
  bootstrap = build "function";
  extension = build "extension";
  avif = build "cli";

  inherit features;
  # The checks compile with another profile, because linking each test with the release profile would take minutes.
  checkArguments = common // {
    CARGO_PROFILE = "quick";
    cargoExtraArgs = "--locked --workspace ${features}";
  };
}
