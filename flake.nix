{
  description = "AWS Lambda function that converts images in S3 to AVIF";

  inputs = {
    nixpkgs.url = "github:NixOS/nixpkgs/nixos-unstable";
    crane.url = "github:ipetkov/crane/v0.23.4";
    fenix.url = "github:nix-community/fenix";
    fenix.inputs.nixpkgs.follows = "nixpkgs";
    treefmt-nix.url = "github:numtide/treefmt-nix";
    treefmt-nix.inputs.nixpkgs.follows = "nixpkgs";
    advisory-db.url = "github:rustsec/advisory-db";
    advisory-db.flake = false;
  };

  outputs =
    inputs:
    let
      inherit (inputs.nixpkgs) lib;
      # nixpkgs no longer supports x86_64-darwin.
      bySystem = lib.genAttrs [
        "x86_64-linux"
        "aarch64-linux"
        "aarch64-darwin"
      ] (system: import ./nix { inherit inputs system; });
      each = output: lib.mapAttrs (_: outputs: outputs.${output}) bySystem;
    in
    {
      packages = each "packages";
      checks = each "checks";
      devShells = each "devShells";
      formatter = each "formatter";
      # For users with their own nixpkgs. The overlay builds with the Rust compiler of that nixpkgs.
      overlays.default = final: _: {
        avif-lambda = import ./nix/packages.nix {
          pkgs = final;
          craneLib = inputs.crane.mkLib final;
        };
      };
    };
}
