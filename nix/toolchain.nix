# fenix, pkgs -> stable Rust, with the standard library of the platform that it compiles for.
fenix: pkgs:
let
  inherit (pkgs.stdenv) buildPlatform targetPlatform;
  rust = fenix.packages.${buildPlatform.system};
in
rust.combine [
  rust.stable.minimalToolchain
  rust.stable.clippy
  rust.stable.rust-src
  rust.stable.rustfmt
  rust.targets.${targetPlatform.rust.rustcTarget}.stable.rust-std
]
