# bootstrap, extension -> the image for Lambda, for one architecture, as an archive for docker and skopeo.
{
  lib,
  stdenv,
  buildPackages,
  bootstrap,
  extension,
}:
let
  # Before NixOS/nixpkgs#536230 (July 2026), dockerTools of a cross package set ran the bash of the target.
  inherit (buildPackages) dockerTools;
in
dockerTools.buildLayeredImage {
  name = "avif-lambda";
  tag = bootstrap.version;
  architecture = stdenv.hostPlatform.go.GOARCH;
  contents = [ dockerTools.caCertificates ];
  # Lambda starts every program in opt/extensions.
  extraCommands = ''
    mkdir --parents opt/extensions
    ln --symbolic ${lib.getExe extension} opt/extensions/
    ln --symbolic ${lib.getExe bootstrap} bootstrap
  '';
  config.Entrypoint = [ "/bootstrap" ];
  config.Labels."org.opencontainers.image.version" = bootstrap.version;
  # `push` compresses the layers.
  compressor = "none";
}
