# pkgs, craneLib, checks, formatter -> the development shell: the dependencies of the package and its checks, and tools.
{
  pkgs,
  craneLib,
  checks,
  formatter,
}:
craneLib.devShell {
  inputsFrom = [ checks.nextest ];
  packages = [
    formatter
    pkgs.awscli2
    pkgs.cargo-deny
    pkgs.cargo-lambda
    pkgs.deadnix
    pkgs.rust-analyzer
    pkgs.skopeo
  ];
}
