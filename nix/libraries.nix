# libavif -> `of`, a function that collects the libraries of a program, and `function`, the libraries of the Lambda function.
{
  runCommand,
  runCommandCC,
  patchelf,
  nukeReferences,
  libavif,
}:
let
  # A name, a program -> a folder with its libraries and the loader. It copies single files, because whole packages are twice as
  # large: most of the 30 MB of the C library are locales and character sets.
  of =
    name: program:
    runCommand name
      {
        nativeBuildInputs = [
          patchelf
          nukeReferences
        ];
        outputs = [
          "out"
          # The names and versions of the packages that contain the libraries.
          "origins"
        ];
        # The files contain no references to other packages.
        allowedReferences = [ ];
      }
      ''
        mkdir -p $out/lib

        # Copies the libraries of a file from its RUNPATH, then the libraries of these libraries. Like the loader, it uses a
        # library again if an earlier file loaded it.
        copy_libraries() {
          local path name directory from copied=()
          path=$(patchelf --print-rpath "$1")
          for name in $(patchelf --print-needed "$1"); do
            if [ -e "$out/lib/$name" ]; then continue; fi
            from=
            for directory in ''${path//:/ }; do
              if [ -e "$directory/$name" ]; then from=$directory/$name; break; fi
            done
            [ -n "$from" ] || { echo "$1 needs $name, which is missing" >&2; exit 1; }
            install --mode=755 "$from" "$out/lib/$name"
            readlink --canonicalize "$from" | sed --regexp-extended "s|$NIX_STORE/[^-]+-([^/]+)/.*|\1|" >>of
            copied+=("$from")
          done
          for from in "''${copied[@]}"; do copy_libraries "$from"; done
        }
        install --mode=755 --target-directory=$out/lib "$(patchelf --print-interpreter ${program})"
        copy_libraries ${program}
        sort --unique of >$origins

        for library in $out/lib/*; do
          case $library in
            # These two load no libraries, and patchelf would break them.
            */libc.so.* | */ld-linux*) ;;
            # RPATH, not RUNPATH: for zip functions, LD_LIBRARY_PATH contains another C library, which would come first.
            *) patchelf --force-rpath --set-rpath '$ORIGIN' "$library" ;;
          esac
          nuke-refs "$library"
          chmod 555 "$library"
        done
      '';
in
{
  inherit of;

  # The libraries of a program that is linked like the function. It does not change with the function, so the layer stays the same.
  function = of "avif-lambda-libraries" (
    runCommandCC "linked-like-the-function" { buildInputs = [ libavif ]; } ''
      echo 'int main(void) { return 0; }' >main.c
      # Rust needs libgcc_s to unwind.
      $CC main.c -o $out -Wl,--no-as-needed -lavif -lgcc_s -lm
    ''
  );
}
