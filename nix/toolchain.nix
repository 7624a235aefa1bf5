# fenix -> stable Rust, with the standard library of the target.
{
  lib,
  stdenv,
  fenix,
}:
let
  inherit (stdenv) buildPlatform hostPlatform;
  rust = fenix.packages.${buildPlatform.system};
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
  ++ lib.optional (
    buildPlatform != hostPlatform
  ) rust.targets.${hostPlatform.rust.rustcTarget}.stable.rust-std
)
