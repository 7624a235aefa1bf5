# workspace, targets, programs -> the checks that must pass before a merge. `nix flake check` and CI run exactly these checks.
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
  # A check that runs a command in a folder with these files.
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
      # This package contains avifdec, an independent decoder.
      nativeBuildInputs = arguments.nativeBuildInputs ++ [ pkgs.libavif ];
      # This build has no README, docs and moto, so it omits the tests that need them. `make test` runs all tests.
      cargoNextestExtraArgs = "--filterset 'not test(/the_readme|the_docs|moto/)'";
    }
  );

  doctest = craneLib.cargoDocTest checking;

  deny = craneLib.cargoDeny {
    inherit (arguments) pname version src;
    # The default path of cargo-deny. The option for another path differs between versions.
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
