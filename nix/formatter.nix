# nixfmt, rustfmt, taplo -> `nix fmt`: Nix, Rust and TOML each in its form. With --check it only looks.
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
    # Nix names the project's root, in whatever folder it is called.
    cd "''${PRJ_ROOT:-.}"
    check=()
    if [ "''${1-}" = --check ]; then check=(--check); fi
    nixfmt "''${check[@]}" flake.nix nix/*.nix nix/apps/*.nix
    find crates -name '*.rs' -exec rustfmt --edition 2024 "''${check[@]}" {} +
    taplo fmt "''${check[@]}" ./*.toml crates/*/Cargo.toml
  '';
}
