# craneLib, workspace, libraries -> the software bill of materials of the image (CycloneDX 1.6): the crates of the function and
# the extension as Cargo lists them, and the packages of the libraries.
{
  lib,
  jq,
  cacert,
  stdenv,
  craneLib,
  workspace,
  libraries,
}:
craneLib.mkCargoDerivation (
  workspace.arguments
  // {
    # This derivation compiles nothing.
    cargoArtifacts = null;
    pnameSuffix = "-sbom";
    nativeBuildInputs = workspace.arguments.nativeBuildInputs ++ [ jq ];
    doInstallCargoArtifacts = false;
    buildPhaseCargoCommand = ''
      cargo tree --locked --package function --package extension --no-default-features --features system --edges normal --no-dedupe \
        --target ${stdenv.hostPlatform.rust.rustcTarget} --prefix none --format '{p}|{l}' >tree
      # The names of cross-compiled packages contain the target.
      { cat ${libraries.origins}; echo ${lib.getName cacert}-${lib.getVersion cacert}; } | sed 's/${stdenv.hostPlatform.config}-//' >natives
    '';
    installPhaseCommand = ''
      jq --raw-input --null-input --rawfile natives natives --arg version ${workspace.version} '{
        bomFormat: "CycloneDX",
        specVersion: "1.6",
        version: 1,
        metadata: { component: { type: "application", name: "avif-lambda", version: $version } },
        components: ([
          (inputs | capture("^(?<name>[^ ]+) v(?<version>[^ |]+)[^|]*\\|(?<license>.*)$") | {
            type: "library",
            name,
            version,
            purl: "pkg:cargo/\(.name)@\(.version)",
            licenses: [{ expression: (.license | gsub("/"; " OR ")) }]
          }),
          ($natives | splits("\n") | capture("^(?<name>.+?)-(?<version>[0-9][^-]*(-[0-9]+)?)(-[a-z]+)?$") | { type: "library", name, version })
        ] | unique)
      }' tree >$out
    '';
  }
)
