# pkgs, script, workspace, image -> the programs demo, push and deploy.
{
  pkgs,
  script,
  workspace,
  image,
}:
let
  inherit (pkgs) lib;
  # AVIF_IMAGE overrides the image, so the scripts also run without Nix.
  withImage =
    name: description: tools:
    script {
      inherit name;
      meta = { inherit description; };
      runtimeInputs = [
        pkgs.awscli2
        pkgs.coreutils
        pkgs.skopeo
      ]
      ++ tools;
      text = ''
        export AVIF_IMAGE=''${AVIF_IMAGE:-${image}}
        ${builtins.readFile ./${name}.sh}
      '';
    };
  push = withImage "push" "Push the image to an ECR repository" [ ];
in
{
  inherit push;
  demo = script {
    name = "demo";
    meta.description = "Convert a photo by the real function, on this machine";
    text = ''
      exec ${lib.getExe workspace.avif} demo --bootstrap ${lib.getExe workspace.bootstrap} \
        --extension ${lib.getExe workspace.extension} "$@"
    '';
  };
  deploy = withImage "deploy" "Push the image and update a function to it" [
    pkgs.jq
    push
  ];
}
