# The settings of treefmt-nix: the formatters and linters of `nix fmt`, which the check `formatting` also runs. They read their
# own settings from files in the root folder.
{
  projectRootFile = "flake.nix";
  programs = {
    actionlint.enable = true;
    deadnix.enable = true;
    nixfmt.enable = true;
    ruff-format.enable = true;
    rustfmt.enable = true;
    shellcheck.enable = true;
    shfmt.enable = true;
    shfmt.useEditorConfig = true;
    taplo.enable = true;
    terraform.enable = true;
  };
}
