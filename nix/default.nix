# inputs, system -> the packages, checks, development shell and formatter of this system.
{ inputs, system }:
let
  inherit (inputs.nixpkgs) lib;
  pkgs = inputs.nixpkgs.legacyPackages.${system};
  inherit (pkgs.stdenv.hostPlatform) isLinux isx86_64;
  packagesOf =
    pkgs:
    import ./packages.nix {
      inherit pkgs;
      # crane calls this function for each platform that needs a compiler.
      craneLib = (inputs.crane.mkLib pkgs).overrideToolchain (import ./toolchain.nix inputs.fenix);
    };
  native = packagesOf pkgs;
  # The function runs on arm64 (Graviton) by default, which costs 20 % less. On an arm64 machine, this set is the native one.
  arm = packagesOf pkgs.pkgsCross.aarch64-multiplatform;
  intel = packagesOf pkgs.pkgsCross.gnu64;

  commands = import ./apps.nix { inherit pkgs native arm; };
  released = {
    inherit (arm) lambda-image lambda-zip;
    inherit (arm) extension-layer sbom;
  };
  treefmt = inputs.treefmt-nix.lib.evalModule pkgs ./treefmt.nix;
  checks = import ./checks.nix {
    inherit pkgs native;
    inherit (inputs) advisory-db;
    images = {
      image-arm64 = arm;
    }
    # No binary cache contains a cross compiler to x86-64.
    // lib.optionalAttrs isx86_64 { image-amd64 = native; };
  };
in
{
  packages = {
    default = native.avif;
    inherit (native) avif;
  }
  // lib.optionalAttrs isLinux (
    commands
    // released
    // {
      inherit (native) bootstrap extension;
      lambda-image-x86_64 = intel.lambda-image;
      extension-layer-x86_64 = intel.extension-layer;
    }
  );
  checks = {
    formatting = treefmt.config.build.check inputs.self;
  }
  // lib.optionalAttrs isLinux (commands // released // checks);
  devShells.default = native.craneLib.devShell {
    checks = { inherit (checks) audit deny nextest; };
    inherit (checks.nextest) CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_RUSTFLAGS;
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
