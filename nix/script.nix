# A shell program, checked more strictly than nixpkgs does by itself: with what shellcheck finds only when asked.
{ writeShellApplication, shellcheck }:
arguments:
writeShellApplication (
  arguments
  // {
    checkPhase = ''
      ${shellcheck}/bin/shellcheck --enable=deprecate-which,quote-safe-variables "$target"
    '';
  }
)
