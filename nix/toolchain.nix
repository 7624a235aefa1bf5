# fenix, pkgs -> stable Rust, with the standard library of the platform that it compiles for.
fenix: pkgs:
let
  rust = fenix.packages.${pkgs.stdenv.buildPlatform.system};
in
rust.combine [
  rust.stable.minimalToolchain
  rust.stable.clippy
  rust.stable.rust-src
  rust.stable.rustfmt
  rust.targets.${pkgs.stdenv.targetPlatform.rust.rustcTarget}.stable.rust-std
]
