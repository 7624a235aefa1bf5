# pkgs, craneLib -> all packages that are built with this package set, native or cross. It is a scope: `overrideScope` replaces
# one of them, for example libavif, in all others.
{ pkgs, craneLib }:
pkgs.lib.makeScope pkgs.newScope (self: {
  inherit craneLib;
  libavif = self.callPackage ./libavif.nix { };
  workspace = self.callPackage ./package.nix { };
  inherit (self.workspace) bootstrap extension avif;

  # As images name it: arm64 or amd64.
  architecture = pkgs.stdenv.hostPlatform.go.GOARCH;
  lambda-image = self.callPackage ./image.nix { };
  archive = self.callPackage ./archive.nix { };
  # For zip functions on provided.al2023.
  lambda-zip = self.archive {
    name = "avif-lambda-${self.bootstrap.version}.zip";
    program = self.bootstrap;
    at = "bootstrap";
    libraries = "lib";
    root = "/var/task";
  };
  # For zip functions on any runtime. The libraries are not in the folder extensions, because Lambda starts every file there.
  extension-layer = self.archive {
    name = "avif-extension-${self.extension.version}-layer.zip";
    program = self.extension;
    at = "extensions/avif-extension";
    libraries = "avif-extension";
    root = "/opt";
  };
  sbom = self.callPackage ./sbom.nix { };
})
