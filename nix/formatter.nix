# nixfmt, rustfmt, taplo -> `nix fmt`, which formats Nix, Rust and TOML files. With --check it only checks them.
{
  script,
  nixfmt,
  rustfmt,
  taplo,
}:
script {
  name = "format";
  runtimeInputs = [
    nixfmt
    rustfmt
    taplo
  ];
  text = ''
    # Nix sets PRJ_ROOT to the root folder of the project.
    cd "''${PRJ_ROOT:-.}"
    check=()
    if [ "''${1-}" = --check ]; then check=(--check); fi
    nixfmt "''${check[@]}" flake.nix nix/*.nix nix/apps/*.nix
    find crates -name '*.rs' -exec rustfmt --edition 2024 "''${check[@]}" {} +
    taplo fmt "''${check[@]}" ./*.toml crates/*/Cargo.toml
  '';
}
