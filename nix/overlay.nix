# crane -> an overlay with the package, for people who bring their own nixpkgs; Rust is that nixpkgs'.
{ crane }:
final: _: {
  avif-lambda = final.callPackage ./package.nix {
    craneLib = crane.mkLib final;
    libavif = final.callPackage ./libavif.nix { };
  };
}
