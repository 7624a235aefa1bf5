# bootstrap, extension, libraries -> the image for Lambda, for one architecture, as an archive for docker and skopeo.
#
# dockerTools streams the image. It is stored as an archive, so that it can be cached, checked and compared with a second build.
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
  # A program that uses only these libraries.
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

  # Use tools of the build machine: the archive does not depend on the architecture of the tools.
  stream = pkgsBuildBuild.dockerTools.streamLayeredImage {
    name = "avif-lambda";
    tag = bootstrap.version;
    architecture = stdenv.hostPlatform.go.GOARCH;
    # This is a copy, not a link into the store: a store path changes with every edit of the workspace, but the copy changes
    # only with the function. The libraries are a separate layer. The programs are the last layer, so a change of code uploads
    # only this layer.
    extraCommands = ''
      install -D --mode=555 ${carried bootstrap} bootstrap
      # Lambda starts every program in this folder.
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
# The archive is not compressed, because the push compresses the layers for the registry.
runCommand "avif-lambda.tar" { nativeBuildInputs = [ jq ]; } ''
  mkdir archive
  ${stream} | tar --extract --directory=archive
  cd archive
  # Removes the comments of the history: they contain a store path, which changes with every edit of the workspace.
  before=$(jq --raw-output '.[0].Config' manifest.json)
  jq --compact-output 'del(.history[].comment)' "$before" >config
  after=$(sha256sum config | cut --delimiter=' ' --fields=1).json
  rm "$before"
  mv config "$after"
  jq --compact-output --arg config "$after" '.[0].Config = $config' manifest.json >manifest
  mv manifest manifest.json
  tar --create --file=$out --sort=name --mtime=@1 --owner=0 --group=0 --numeric-owner *
''
