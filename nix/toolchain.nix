# fenix, the packages to build for -> how crane gets its toolchain: stable Rust, with the standard library of the target.
{ fenix }:
target: build:
let
  rust = fenix.packages.${build.stdenv.buildPlatform.system};
  inherit (target.stdenv) buildPlatform hostPlatform;
in
rust.combine (
  [
    (rust.stable.withComponents [
      "cargo"
      "clippy"
      "rust-src"
      "rustc"
      "rustfmt"
    ])
  ]
  ++ target.lib.optional (
    buildPlatform != hostPlatform
  ) rust.targets.${hostPlatform.rust.rustcTarget}.stable.rust-std
)
