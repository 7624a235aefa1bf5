# libavif -> `of`, which finds what a program needs to run, and `function`, which is that for the function.
{
  runCommand,
  runCommandCC,
  patchelf,
  nukeReferences,
  libavif,
}:
let
  # A name, a program -> a folder with its libraries and the loader. Files alone, for whole packages weigh twice as much:
  # of the C library's 30 MB, most are locales and character sets that nobody asks for.
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
          # The packages that they are of, by name and version.
          "origins"
        ];
        # What they name of other packages is not there, and is not looked for.
        allowedReferences = [ ];
      }
      ''
        mkdir -p $out/lib

        # The libraries of a file from where its RUNPATH leads, and then those of the libraries: the loader's own order, in
        # which what was loaded for one file serves the next.
        bring() {
          local path name directory from brought=()
          path=$(patchelf --print-rpath "$1")
          for name in $(patchelf --print-needed "$1"); do
            if [ -e "$out/lib/$name" ]; then continue; fi
            from=
            for directory in ''${path//:/ }; do
              if [ -e "$directory/$name" ]; then from=$directory/$name; break; fi
            done
            [ -n "$from" ] || { echo "$1 finds no $name" >&2; exit 1; }
            install --mode=755 "$from" "$out/lib/$name"
            readlink --canonicalize "$from" | sed --regexp-extended "s|$NIX_STORE/[^-]+-([^/]+)/.*|\1|" >>of
            brought+=("$from")
          done
          for from in "''${brought[@]}"; do bring "$from"; done
        }
        install --mode=755 --target-directory=$out/lib "$(patchelf --print-interpreter ${program})"
        bring ${program}
        sort --unique of >$origins

        for library in $out/lib/*; do
          case $library in
            # They look for nothing, and would not bear to be edited.
            */libc.so.* | */ld-linux*) ;;
            # As RPATH: a RUNPATH comes after LD_LIBRARY_PATH, in which Lambda puts another C library for zips.
            *) patchelf --force-rpath --set-rpath '$ORIGIN' "$library" ;;
          esac
          nuke-refs "$library"
          chmod 555 "$library"
        done
      '';
in
{
  inherit of;

  # Of a program that is linked as the function is, and does not change with it: they stay the same layer of its image.
  function = of "avif-lambda-libraries" (
    runCommandCC "linked-like-the-function" { buildInputs = [ libavif ]; } ''
      echo 'int main(void) { return 0; }' >main.c
      # Rust unwinds with the compiler's library.
      $CC main.c -o $out -Wl,--no-as-needed -lavif -lgcc_s -lm
    ''
  );
}
