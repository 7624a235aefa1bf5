# libavif -> a folder with the libraries that a program linked against it needs to run, and the loader: libavif and its
# codecs, the compiler's and the C library's. Files alone, for whole packages weigh twice as much: of the C library's
# 30 MB, most are locales and character sets that nobody asks for.
#
# It depends on no program, so that it stays the same layer of the image when the program changes.
{
  lib,
  stdenv,
  runCommand,
  closureInfo,
  patchelf,
  nukeReferences,
  libavif,
}:
runCommand "avif-lambda-libraries"
  {
    nativeBuildInputs = [
      patchelf
      nukeReferences
    ];
    closure = closureInfo {
      rootPaths = [
        libavif
        (lib.getLib stdenv.cc.cc)
      ];
    };
    # What it names of other packages is not there, and is not looked for.
    allowedReferences = [ ];
  }
  ''
    mkdir -p $out/lib

    # A library, and what that needs in turn.
    bring() {
      local name=$1 from needed
      if [ -e "$out/lib/$name" ]; then return; fi
      from=$(find $(sed 's|$|/lib|' $closure/store-paths) -maxdepth 1 -name "$name" -print -quit 2>/dev/null || true)
      [ -n "$from" ] || { echo "$name is in no part of the closure" >&2; exit 1; }
      install --mode=755 "$from" "$out/lib/$name"
      for needed in $(patchelf --print-needed "$from"); do bring "$needed"; done
    }
    bring "$(patchelf --print-soname ${lib.getLib libavif}/lib/libavif.so)"
    # Rust unwinds with it.
    bring libgcc_s.so.1

    for library in $out/lib/*; do
      case $library in
        # They look for nothing, and would not bear to be edited.
        */libc.so.* | */ld-linux*) ;;
        *) patchelf --set-rpath '$ORIGIN' "$library" ;;
      esac
      nuke-refs "$library"
      chmod 555 "$library"
    done
  ''
