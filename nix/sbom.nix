# craneLib, the programs of the image -> the software bill of materials of the image (CycloneDX): the crates as cargo-cyclonedx
# lists them, and the packages of the native libraries.
{
  stdenv,
  closureInfo,
  cargo-cyclonedx,
  jq,
  cacert,
  craneLib,
  workspace,
  bootstrap,
  extension,
}:
let
  inherit (workspace) checking;
  closure = closureInfo {
    rootPaths = [
      bootstrap
      extension
      cacert
    ];
  };
in
craneLib.mkCargoDerivation (
  checking
  // {
    # This derivation compiles nothing.
    cargoArtifacts = null;
    doInstallCargoArtifacts = false;
    pnameSuffix = "-sbom";
    nativeBuildInputs = checking.nativeBuildInputs ++ [
      cargo-cyclonedx
      jq
    ];
    buildPhaseCargoCommand = ''
      list="cargo cyclonedx --format json --spec-version 1.5 --target ${stdenv.hostPlatform.rust.rustcTarget}"
      $list --manifest-path crates/function/Cargo.toml --no-default-features --features system
      $list --manifest-path crates/extension/Cargo.toml
    '';
    installPhaseCommand = ''
      # The packages of the image, as NAME-VERSION.
      sed 's|^[^-]*-||' ${closure}/store-paths >packages
      jq --slurp --rawfile packages packages '
        .[0] * {
          metadata: { component: { name: "avif-lambda" } },
          components: ([.[].components[]] + [
            $packages | splits("\n") | capture("^(?<name>.+?)-(?<version>[0-9].*)$") | { type: "library" } + .
          ] | unique_by(.name, .version)),
          dependencies: ([.[].dependencies[]] | unique_by(.ref))
        }' crates/{function,extension}/*.cdx.json >$out
    '';
  }
)
