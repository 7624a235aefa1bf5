# inputs, system -> the packages, checks, apps, development shells and formatter of this system.
{ inputs, system }:
let
  inherit (inputs.nixpkgs) lib;
  pkgs = inputs.nixpkgs.legacyPackages.${system};

  # A package set, native or cross -> all outputs that are built with it.
  build =
    pkgs:
    let
      toolchain = pkgs.callPackage ./toolchain.nix { inherit (inputs) fenix; };
      # This is a function, because crane needs the toolchain for the build machine and for the target.
      craneLib = (inputs.crane.mkLib pkgs).overrideToolchain (_: toolchain);
      libavif = pkgs.callPackage ./libavif.nix { };
      workspace = pkgs.callPackage ./package.nix { inherit craneLib libavif; };
      inherit (workspace) bootstrap extension;
      libraries = pkgs.callPackage ./libraries.nix { inherit libavif; };
      archive = pkgs.callPackage ./archive.nix { };
    in
    {
      inherit craneLib workspace;
      inherit (pkgs.stdenv) hostPlatform;
      image = pkgs.callPackage ./image.nix {
        inherit bootstrap extension;
        libraries = libraries.function;
      };
      # For zip functions on provided.al2023.
      zip = archive {
        name = "avif-lambda-${bootstrap.version}.zip";
        program = lib.getExe bootstrap;
        at = "bootstrap";
        libraries = libraries.function;
        folder = "lib";
        root = "/var/task";
      };
      # For zip functions on any runtime. The libraries are not in the folder extensions, because Lambda starts every file there.
      layer = archive {
        name = "avif-extension-${extension.version}-layer.zip";
        program = lib.getExe extension;
        at = "extensions/avif-extension";
        libraries = libraries.of "avif-extension-libraries" (lib.getExe extension);
        folder = "avif-extension";
        root = "/opt";
      };
      sbom = pkgs.callPackage ./sbom.nix {
        inherit craneLib workspace;
        libraries = libraries.function;
      };
    };

  native = build pkgs;
  for =
    architecture: cross:
    if pkgs.stdenv.hostPlatform.parsed.cpu.name == architecture then
      native
    else
      build pkgs.pkgsCross.${cross};
  # The function runs on arm64 (Graviton) by default, which costs 20 % less.
  arm = for "aarch64" "aarch64-multiplatform";
  intel = for "x86_64" "gnu64";

  script = pkgs.callPackage ./script.nix { };
  programs = import ./apps {
    inherit pkgs script;
    inherit (native) workspace;
    inherit (arm) image;
  };
  formatter = pkgs.callPackage ./formatter.nix {
    inherit script;
    inherit (native.craneLib) rustfmt;
  };
  checks = import ./checks.nix {
    inherit pkgs formatter programs;
    inherit (inputs) advisory-db;
    inherit (native) craneLib workspace;
    # The released image, and on x86-64 also the native image. No binary cache contains a cross compiler to x86-64.
    targets = [ arm ] ++ lib.optional pkgs.stdenv.hostPlatform.isx86_64 native;
  };
in
{
  inherit checks formatter;
  packages = {
    default = arm.workspace.bootstrap;
    inherit (native) workspace;
    inherit (native.workspace) bootstrap extension avif;
    lambda-image = arm.image;
    lambda-image-x86_64 = intel.image;
    lambda-zip = arm.zip;
    extension-layer = arm.layer;
    extension-layer-x86_64 = intel.layer;
    inherit (arm) sbom;
  };
  apps = lib.mapAttrs (_: program: {
    type = "app";
    program = lib.getExe program;
    meta = { inherit (program.meta) description; };
  }) programs;
  devShells.default = import ./shell.nix {
    inherit pkgs checks formatter;
    inherit (native) craneLib;
  };
}
