# workspace, targets, programs -> what must hold before a merge. `nix flake check` and CI run exactly this.
{
  pkgs,
  craneLib,
  workspace,
  targets,
  programs,
  formatter,
  advisory-db,
}:
let
  inherit (pkgs) lib;
  inherit (workspace) arguments checking;
  # A command over these files of the project, which succeeds or does not.
  check =
    name: tools: files: command:
    pkgs.runCommand "avif-lambda-${name}"
      {
        nativeBuildInputs = tools;
        src = lib.fileset.toSource {
          root = ../.;
          fileset = lib.fileset.unions files;
        };
      }
      ''
        cp --recursive --no-preserve=mode $src project
        cd project
        ${command}
        touch $out
      '';
  nix = [
    ../flake.nix
    ../nix
  ];
in
{
  inherit workspace;

  clippy = craneLib.cargoClippy (
    checking // { cargoClippyExtraArgs = "--all-targets -- --deny warnings"; }
  );

  docs = craneLib.cargoDoc (checking // { env.RUSTDOCFLAGS = "--deny warnings"; });

  nextest = craneLib.cargoNextest (
    checking
    // {
      # With avifdec, the decoder that is not ours.
      nativeBuildInputs = arguments.nativeBuildInputs ++ [ pkgs.libavif ];
      # Neither README, docs nor moto are here; `make test` holds the function to them.
      cargoNextestExtraArgs = "--filterset 'not test(/the_readme|the_docs|by_moto/)'";
    }
  );

  doctest = craneLib.cargoDocTest checking;

  deny = craneLib.cargoDeny {
    inherit (arguments) pname version src;
    # Where cargo-deny looks by itself: the option to name it has moved between versions.
    preBuild = "cp ${../deny.toml} deny.toml";
  };

  audit = craneLib.cargoAudit {
    inherit (arguments) pname version src;
    inherit advisory-db;
  };

  formatting = check "formatting" [ formatter ] (
    nix
    ++ [
      ../Cargo.toml
      ../crates
      ../deny.toml
      ../.taplo.toml
      ../clippy.toml
      ../rustfmt.toml
    ]
  ) "format --check";

  deadnix = check "deadnix" [ pkgs.deadnix ] nix "deadnix --fail .";
}
// programs
// lib.listToAttrs (
  map (
    target:
    lib.nameValuePair "image-${target.hostPlatform.go.GOARCH}" (
      pkgs.callPackage ./image-check.nix {
        inherit (target) image hostPlatform;
        inherit (workspace) avif;
      }
    )
  ) targets
)
