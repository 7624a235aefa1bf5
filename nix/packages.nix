# pkgs, craneLib -> all packages that are built with this package set, native or cross. It is a scope: if `overrideScope`
# replaces a package, for example libavif, all packages that depend on it use the new one.
{ pkgs, craneLib }:
pkgs.lib.makeScope pkgs.newScope (self: {
  inherit craneLib;
  # Whether the programs read HEIC. Its codec, HEVC, is patented.
  withHeic = true;
  libavif = self.callPackage ./libavif.nix { };
  # Without the image formats that only its programs read.
  libwebp = pkgs.libwebp.override {
    gifSupport = false;
    jpegSupport = false;
    pngSupport = false;
    tiffSupport = false;
  };
  workspace = self.callPackage ./package.nix { };
  inherit (self.workspace) bootstrap extension avif;

  lambda-image = self.callPackage ./image.nix { };
  # For zip functions on provided.al2023.
  lambda-zip = self.callPackage ./archive.nix {
    program = self.bootstrap;
    path = "bootstrap";
    libraries = "lib";
    unpackedTo = "/var/task";
  };
  # For zip functions on any runtime. The libraries are not in the folder extensions, because Lambda starts every file there.
  extension-layer = self.callPackage ./archive.nix {
    program = self.extension;
    path = "extensions/avif-extension";
    libraries = "avif-extension";
    unpackedTo = "/opt";
  };
  sbom = self.callPackage ./sbom.nix { };
})
