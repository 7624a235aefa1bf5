# pkgs, script, workspace, image -> programs: demo, push and deploy.
{
  pkgs,
  script,
  workspace,
  image,
}:
let
  inherit (pkgs) lib;
  app = description: program: {
    type = "app";
    program = lib.getExe program;
    meta = { inherit description; };
  };
  # The scripts take the image from their environment, so that they can be run without Nix.
  withImage =
    name: tools:
    script {
      inherit name;
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
  push = withImage "push" [ ];
in
{
  demo = app "Convert a photograph by the real function, on this machine" (script {
    name = "demo";
    text = ''
      exec ${lib.getExe workspace.avif} demo --bootstrap ${lib.getExe workspace.bootstrap} \
        --extension ${lib.getExe workspace.extension} "$@"
    '';
  });
  push = app "Push the image to a repository" push;
  deploy = app "Push the image and update a function to it" (
    withImage "deploy" [
      pkgs.jq
      push
    ]
  );
}
