# craneLib, lambda-image -> the software bill of materials of the image (CycloneDX): the crates as cargo-cyclonedx
# lists them, and the packages of the native libraries.
{
  stdenv,
  closureInfo,
  cargo-cyclonedx,
  jq,
  craneLib,
  workspace,
  lambda-image,
}:
let
  inherit (workspace) checkArguments features;
  inherit (stdenv.hostPlatform) config rust;
in
craneLib.mkCargoDerivation (
  checkArguments
  // {
    cargoArtifacts = null;
    doInstallCargoArtifacts = false;
    pnameSuffix = "-sbom";
    nativeBuildInputs = checkArguments.nativeBuildInputs ++ [
      cargo-cyclonedx
      jq
    ];
    buildPhaseCargoCommand = "cargo cyclonedx --format json --spec-version 1.5 ${features} --target ${rust.rustcTarget}";
    installPhaseCommand = ''
      # The packages in the image, as NAME-VERSION: Nix finds their store paths in it. A cross compiler adds its target to the name.
      sed --regexp-extended 's|^[^-]*-||; s/^${config}-|-${config}//' ${
        closureInfo { rootPaths = [ lambda-image ]; }
      }/store-paths >packages
      jq --slurp --rawfile packages packages '
        .[0] * {
          metadata: { component: { name: "avif-lambda" } },
          components: ([.[].components[]] + [
            $packages | splits("\n") | capture("^(?<name>.+?)-(?<version>[0-9][0-9.]*)") | { type: "library" } + .
          ] | unique_by(.name, .version)),
          dependencies: ([.[].dependencies[]] | group_by(.ref) | map({ ref: .[0].ref, dependsOn: (map(.dependsOn[]?) | unique) }))
        }' crates/{function,extension}/*.cdx.json >$out
    '';
  }
)
