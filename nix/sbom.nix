# craneLib, workspace, libavif -> the image's bill of materials (CycloneDX 1.6): the crates that the function and its extension link, by
# Cargo's own account, and the native libraries.
{
  lib,
  jq,
  cacert,
  stdenv,
  craneLib,
  workspace,
  libavif,
}:
let
  component = package: {
    type = "library";
    name = lib.getName package;
    version = lib.getVersion package;
  };
  natives = map component (
    [
      libavif
      stdenv.cc.libc
      cacert
    ]
    ++ libavif.codecs
  );
in
craneLib.mkCargoDerivation (
  workspace.arguments
  // {
    # It compiles nothing.
    cargoArtifacts = null;
    pnameSuffix = "-sbom";
    nativeBuildInputs = workspace.arguments.nativeBuildInputs ++ [ jq ];
    doInstallCargoArtifacts = false;
    natives = builtins.toJSON natives;
    passAsFile = [ "natives" ];
    buildPhaseCargoCommand = ''
      cargo tree --locked --package function --package extension --no-default-features --features system --edges normal --no-dedupe \
        --target ${stdenv.hostPlatform.rust.rustcTarget} --prefix none --format '{p}|{l}' >tree
    '';
    installPhaseCommand = ''
      jq --raw-input --null-input --slurpfile natives "$nativesPath" --arg version ${workspace.version} '{
        bomFormat: "CycloneDX",
        specVersion: "1.6",
        version: 1,
        metadata: { component: { type: "application", name: "avif-lambda", version: $version } },
        components: (([
          inputs | capture("^(?<name>[^ ]+) v(?<version>[^ |]+)[^|]*\\|(?<license>.*)$") | {
            type: "library",
            name,
            version,
            purl: "pkg:cargo/\(.name)@\(.version)",
            licenses: [{ expression: (.license | gsub("/"; " OR ")) }]
          }
        ] | unique) + $natives[0])
      }' tree >$out
    '';
  }
)
