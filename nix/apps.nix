# pkgs, the programs, image -> the commands demo, push and deploy.
{
  pkgs,
  native,
  image,
}:
let
  inherit (pkgs) lib writeShellApplication;
  # AVIF_IMAGE overrides the image.
  withImage =
    name: description: runtimeInputs:
    writeShellApplication {
      inherit name;
      meta = { inherit description; };
      runtimeInputs = runtimeInputs ++ [
        pkgs.awscli2
        pkgs.skopeo
      ];
      text = ''
        export AVIF_IMAGE=''${AVIF_IMAGE:-${image}}
        ${builtins.readFile (../deploy/image + "/${name}.sh")}
      '';
    };
  push = withImage "push" "Push the image to an ECR repository" [ ];
in
{
  inherit push;
  deploy = withImage "deploy" "Push the image and update a function to it" [
    pkgs.jq
    push
  ];
  demo = writeShellApplication {
    name = "demo";
    meta.description = "Convert a photo by the real function, on this machine";
    text = ''
      exec ${lib.getExe native.avif} demo --bootstrap ${lib.getExe native.bootstrap} \
        --extension ${lib.getExe native.extension} "$@"
    '';
  };
}
