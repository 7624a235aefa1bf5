# A function that returns a shell program, like writeShellApplication, but with optional checks of shellcheck.
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
