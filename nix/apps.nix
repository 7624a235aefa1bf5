# pkgs, native (the packages of this machine), image -> the commands demo, push, deploy and smoke.
{
  pkgs,
  native,
  image,
}:
let
  inherit (pkgs) lib writeShellApplication;
  withImage =
    name: description: runtimeInputs: text:
    writeShellApplication {
      inherit name;
      meta = { inherit description; };
      runtimeInputs = runtimeInputs ++ [
        pkgs.awscli2
        pkgs.skopeo
      ];
      text = ''
        export AVIF_IMAGE=''${AVIF_IMAGE:-${image}}
        ${text}
      '';
    };
  push = withImage "push" "Push the image to ECR" [ ] (lib.readFile ../deploy/image/push.sh);
  smokeFiles = lib.fileset.toSource {
    root = ../.;
    fileset = lib.fileset.unions [
      ../bench/cost.py
      ../crates/cli/assets/rocket.jpg
      ../deploy/sam/template.yaml
      ../deploy/smoke
    ];
  };
in
{
  inherit push;
  deploy = withImage "deploy" "Push the image and update a function to it" [
    pkgs.jq
    push
  ] (lib.readFile ../deploy/image/deploy.sh);
  smoke = withImage "smoke" "Test the image in your AWS account" [
    push
    (pkgs.python3.withPackages (packages: [ packages.boto3 ]))
  ] ''PYTHONPATH=${smokeFiles} exec python3 -B -m deploy.smoke "$@"'';
  demo = writeShellApplication {
    name = "demo";
    meta.description = "Convert a photo with the Lambda function, on this machine";
    text = ''
      exec ${lib.getExe native.avif} demo --bootstrap ${lib.getExe native.bootstrap} \
        --extension ${lib.getExe native.extension} "$@"
    '';
  };
}
