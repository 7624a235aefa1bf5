# fenix, pkgs -> stable Rust, with the standard library of the target.
fenix: pkgs:
let
  inherit (pkgs.stdenv) buildPlatform hostPlatform;
  rust = fenix.packages.${buildPlatform.system};
in
rust.combine (
  pkgs.lib.optional (
    buildPlatform != hostPlatform
  ) rust.targets.${hostPlatform.rust.rustcTarget}.stable.rust-std
  ++ [
    rust.stable.cargo
    rust.stable.clippy
    rust.stable.rust-src
    rust.stable.rustc
    rust.stable.rustfmt
  ]
)
