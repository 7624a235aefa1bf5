#!/bin/sh
# Installs missing native tools with apt. Without apt, it prints what to install. With the argument `fuzz`, `bench` or `browser`, it
# also installs the tools for `make fuzz`, `make bench` or `make test-browser`.
set -eu

missing=
need() { # COMMAND DEBIAN-PACKAGE
  command -v "$1" >/dev/null 2>&1 || missing="$missing $2"
}
need cargo cargo
need cc gcc
need c++ g++
need cmake cmake
need nasm nasm
need perl perl
need avifdec libavif-bin
[ "${1-}" != fuzz ] || need clang clang
[ "${1-}" != bench ] || need npm npm
if [ "${1-}" = browser ] && ! { command -v google-chrome || command -v chromium-browser; } >/dev/null 2>&1; then
  need chromium chromium
fi
# The tests of the deployment need servers that have packages only on Debian. On other systems, these tests print the names
# of missing servers.
if command -v apt-get >/dev/null 2>&1; then
  need docker-registry docker-registry
  need skopeo skopeo
  need aws awscli
  need jq jq
  need curl curl
  need python3 python3
  need shellcheck shellcheck
  python3 -c 'import ensurepip' >/dev/null 2>&1 || missing="$missing python3-venv"
fi
# The minimal profile of rustup does not contain these components.
if command -v cargo >/dev/null 2>&1 && ! { cargo fmt --version && cargo clippy --version; } >/dev/null 2>&1; then
  if command -v rustup >/dev/null 2>&1; then rustup component add rustfmt clippy; else missing="$missing rustfmt rust-clippy"; fi
fi
[ -z "$missing" ] && exit 0

case " $missing " in *" cargo "*)
  echo "Rust is missing. Install it from https://rustup.rs, then run the command again." >&2
  exit 1
  ;;
esac
if ! command -v apt-get >/dev/null 2>&1; then
  echo "missing tools, by the names of their Debian packages:$missing" >&2
  echo "Install them, then run the command again:" >&2
  echo "  macOS   brew install cmake nasm libavif" >&2
  echo "  Fedora  dnf install gcc gcc-c++ cmake nasm perl libavif-tools" >&2
  echo "  Arch    pacman -S base-devel cmake nasm libavif" >&2
  echo "  Nix     nix shell nixpkgs#gcc nixpkgs#cmake nixpkgs#nasm nixpkgs#libavif" >&2
  exit 1
fi
root=
[ "$(id -u)" -eq 0 ] || root=sudo
echo "installing with apt:$missing"
$root apt-get update -q
# shellcheck disable=SC2086 # a list of packages
$root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends $missing
