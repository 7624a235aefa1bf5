# inputs, system -> the packages, checks, development shell and formatter of this system.
{ inputs, system }:
let
  inherit (inputs.nixpkgs) lib;
  pkgs = inputs.nixpkgs.legacyPackages.${system};
  packagesOf =
    pkgs:
    import ./packages.nix {
      inherit pkgs;
      # crane calls this function for the build machine and for the target.
      craneLib = (inputs.crane.mkLib pkgs).overrideToolchain (import ./toolchain.nix inputs.fenix);
    };
  native = packagesOf pkgs;
  # The function runs on arm64 (Graviton) by default, which costs 20 % less. On an arm64 machine, this set is the native one.
  arm = packagesOf pkgs.pkgsCross.aarch64-multiplatform;
  intel = packagesOf pkgs.pkgsCross.gnu64;

  commands = import ./apps.nix {
    inherit pkgs native;
    image = arm.lambda-image;
  };
  treefmt = inputs.treefmt-nix.lib.evalModule pkgs (
    import ./treefmt.nix { inherit (native.craneLib) rustfmt; }
  );
  checks = import ./checks.nix {
    inherit pkgs native;
    inherit (inputs) advisory-db;
    # The released image, and on x86-64 also the native image. No binary cache contains a cross compiler to x86-64.
    images = [ arm ] ++ lib.optional pkgs.stdenv.hostPlatform.isx86_64 native;
  };
in
{
  packages = {
    default = native.avif;
    inherit (native) avif;
  }
  // lib.optionalAttrs pkgs.stdenv.hostPlatform.isLinux (
    commands
    // {
      inherit (native) bootstrap extension;
      inherit (arm)
        lambda-image
        lambda-zip
        extension-layer
        sbom
        ;
      lambda-image-x86_64 = intel.lambda-image;
      extension-layer-x86_64 = intel.extension-layer;
    }
  );
  checks = commands // checks // { formatting = treefmt.config.build.check inputs.self; };
  devShells.default = native.craneLib.devShell {
    checks = { inherit (checks) audit deny nextest; };
    inputsFrom = [ treefmt.config.build.devShell ];
    packages = [
      pkgs.awscli2
      pkgs.cargo-lambda
      pkgs.rust-analyzer
      pkgs.skopeo
    ];
  };
  formatter = treefmt.config.build.wrapper;
}
