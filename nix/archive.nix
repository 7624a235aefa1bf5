# program, its path and the folder of its libraries in the archive, the folder to which Lambda unpacks it -> the zip archive of a
# program for Lambda's runtimes, which have no Nix store.
# The C library of the runtimes is older than that of nixpkgs, so the archive contains all libraries of the program, including the C
# library and its loader. The program uses RPATH and not RUNPATH, because the loader searches LD_LIBRARY_PATH before RUNPATH, and
# Lambda sets LD_LIBRARY_PATH to folders with the older C library. A static build would compile a C library, a Rust standard library
# and six libraries of the codecs, which no binary cache contains.
{
  lib,
  buildPackages,
  stdenv,
  runCommand,
  patchelf,
  zip,
  program,
  path,
  libraries,
  unpackedTo,
}:
runCommand "${program.pname}-${program.version}.zip"
  {
    nativeBuildInputs = [
      patchelf
      zip
    ];
  }
  ''
    loader=$(patchelf --print-interpreter ${lib.getExe program})
    install -D --mode=755 ${lib.getExe program} root/${path}
    cd root
    mkdir --parents ${libraries}
    # The loader lists the libraries, one per line: NAME => PATH (ADDRESS).
    ${stdenv.hostPlatform.emulator buildPackages} $loader --list ${lib.getExe program} >list
    sed --quiet 's/.* => \(.*\) (.*/\1/p' list | xargs install --mode=755 --target-directory=${libraries} $loader
    rm list

    # patchelf would break the C library and its loader, which need no RPATH.
    find ${libraries} -type f -not -name 'libc.so.*' -not -name 'ld-linux*' -exec patchelf --force-rpath --set-rpath '$ORIGIN' {} +
    patchelf --force-rpath --set-rpath ${unpackedTo}/${libraries} --set-interpreter ${unpackedTo}/${libraries}/$(basename $loader) ${path}

    # All files have the same time and a fixed order, so that the archive is reproducible. Zip supports no time before 1980.
    find . -exec touch --date=1980-01-01T00:00:00Z {} +
    find . -type f | LC_ALL=C sort | TZ=UTC zip -X -q -@ $out
  ''
