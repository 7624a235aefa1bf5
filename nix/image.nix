# bootstrap, extension, libraries -> the image for Lambda, one architecture, as an archive that docker and skopeo load.
#
# Streamed by dockerTools and kept as an archive: it can be cached, checked, and built again to compare.
{
  stdenv,
  runCommand,
  pkgsBuildBuild,
  jq,
  patchelf,
  nukeReferences,
  cacert,
  bootstrap,
  extension,
  libraries,
}:
let
  # A program as it is in the image: with these libraries and no others.
  carried =
    package:
    runCommand package.pname
      {
        nativeBuildInputs = [
          patchelf
          nukeReferences
        ];
        allowedReferences = [ libraries ];
      }
      ''
        install --mode=755 ${package}/bin/${package.pname} $out
        patchelf --set-rpath ${libraries}/lib --set-interpreter ${libraries}/lib/"$(basename "$(patchelf --print-interpreter $out)")" $out
        nuke-refs -e ${libraries} $out
      '';

  # The building machine's own tools: an archive is put together alike for every architecture.
  stream = pkgsBuildBuild.dockerTools.streamLayeredImage {
    name = "avif-lambda";
    tag = bootstrap.version;
    architecture = stdenv.hostPlatform.go.GOARCH;
    # A copy, not a link into the store: the store's path changes with every edit of the workspace, these bits with the
    # function alone. The libraries, to which it refers, are a layer of their own below. This layer is the last, so that a
    # change of code uploads nothing else.
    extraCommands = ''
      install -D --mode=555 ${carried bootstrap} bootstrap
      # Lambda starts whatever can be run in there.
      install -D --mode=555 ${carried extension} opt/extensions/avif-extension
      install -D --mode=444 ${cacert}/etc/ssl/certs/ca-bundle.crt etc/ssl/certs/ca-certificates.crt
    '';
    config = {
      Entrypoint = [ "/bootstrap" ];
      Labels = {
        "org.opencontainers.image.title" = "avif-lambda";
        "org.opencontainers.image.licenses" = "MIT OR Apache-2.0";
        "org.opencontainers.image.version" = bootstrap.version;
        "org.opencontainers.image.revision" = bootstrap.revision;
      };
    };
  };
in
# Not compressed: the registry's compression is what travels.
runCommand "avif-lambda.tar" { nativeBuildInputs = [ jq ]; } ''
  mkdir archive
  ${stream} | tar --extract --directory=archive
  cd archive
  # The history tells where in the store the last layer was, which is elsewhere after every edit of the workspace.
  before=$(jq --raw-output '.[0].Config' manifest.json)
  jq --compact-output 'del(.history[].comment)' "$before" >config
  after=$(sha256sum config | cut --delimiter=' ' --fields=1).json
  rm "$before"
  mv config "$after"
  jq --compact-output --arg config "$after" '.[0].Config = $config' manifest.json >manifest
  mv manifest manifest.json
  tar --create --file=$out --sort=name --mtime=@1 --owner=0 --group=0 --numeric-owner *
''
