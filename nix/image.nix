# bootstrap, extension -> the image for Lambda, for one architecture, as an archive for docker and skopeo.
{
  lib,
  linkFarm,
  dockerTools,
  bootstrap,
  extension,
}:
dockerTools.buildLayeredImage {
  name = "avif-lambda";
  tag = bootstrap.version;
  contents = [
    dockerTools.caCertificates
    (linkFarm "avif-lambda-root" {
      bootstrap = lib.getExe bootstrap;
      # Lambda starts every program in this folder.
      "opt/extensions/avif-extension" = lib.getExe extension;
    })
  ];
  config = {
    Entrypoint = [ "/bootstrap" ];
    Labels."org.opencontainers.image.version" = bootstrap.version;
  };
  # The push compresses each layer for the registry.
  compressor = "none";
}
