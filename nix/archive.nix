# A function that returns the zip archive of a program for a runtime of Lambda (provided.al2023), which has no Nix store.
#
# The C library of the runtime is older than that of nixpkgs, so the archive contains all libraries of the program, the C library
# and its loader. RPATH finds them, not RUNPATH: the loader searches a RUNPATH after LD_LIBRARY_PATH, which Lambda sets to folders
# with the C library of the runtime. A static build would need a second compiler and C library, and static builds of the codecs,
# which no binary cache contains.
{
  lib,
  buildPackages,
  stdenv,
  runCommand,
  patchelf,
  zip,
}:
{
  # The program, and its path in the archive.
  program,
  path,
  # The folder of the libraries in the archive.
  libraries,
  # The folder to which Lambda unpacks the archive.
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
    # The loader lists the libraries, one in each line: NAME => PATH (ADDRESS).
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
