# crane -> an overlay with the package, for use with another nixpkgs. It builds with the Rust of that nixpkgs.
{ crane }:
final: _: {
  avif-lambda = final.callPackage ./package.nix {
    craneLib = crane.mkLib final;
    libavif = final.callPackage ./libavif.nix { };
  };
}
