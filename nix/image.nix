# bootstrap, extension, libraries -> the image for Lambda, one architecture, as an archive that docker and skopeo load.
#
# A built archive, not a streamed one: it can be cached, checked, and built again to compare.
{
  stdenv,
  runCommand,
  pkgsBuildBuild,
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
in
# The building machine's own tools: an archive is put together alike for every architecture.
pkgsBuildBuild.dockerTools.buildLayeredImage {
  name = "avif-lambda";
  tag = bootstrap.version;
  architecture = stdenv.hostPlatform.go.GOARCH;
  # The registry's compression is what travels; another one below it would only cost time.
  compressor = "none";
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
}
