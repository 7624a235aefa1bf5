# pkgs, native and arm (sets of packages) -> the commands demo, push, deploy and smoke.
{
  pkgs,
  native,
  arm,
}:
let
  inherit (pkgs) lib writeShellApplication;
  withImage =
    { text, ... }@arguments:
    writeShellApplication (
      arguments // { text = "export AVIF_IMAGE=\${AVIF_IMAGE:-${arm.lambda-image}}\n${text}"; }
    );
  push = withImage {
    name = "push";
    meta.description = "Push the image to ECR";
    runtimeInputs = [
      pkgs.awscli2
      pkgs.skopeo
    ];
    text = lib.readFile ../deploy/image/push.sh;
  };
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
  deploy = withImage {
    name = "deploy";
    meta.description = "Push the image and update a function to it";
    runtimeInputs = [
      pkgs.awscli2
      pkgs.jq
      pkgs.skopeo
      push
    ];
    text = lib.readFile ../deploy/image/deploy.sh;
  };
  smoke = withImage {
    name = "smoke";
    meta.description = "Test the image in your AWS account";
    runtimeInputs = [
      push
      (pkgs.python3.withPackages (packages: [ packages.boto3 ]))
    ];
    text = ''PYTHONPATH=${smokeFiles} exec python3 -B -m deploy.smoke "$@"'';
  };
  demo = writeShellApplication {
    name = "demo";
    meta.description = "Convert a photo with the Lambda function, on this machine";
    text = ''
      exec ${lib.getExe native.avif} demo --bootstrap ${lib.getExe native.bootstrap} \
        --extension ${lib.getExe native.extension} "$@"
    '';
  };
}
