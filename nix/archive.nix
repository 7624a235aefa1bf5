# A function that returns the zip archive of a program with its libraries. The C library of the target system may be older than
# that of nixpkgs, so the archive also contains the loader.
{
  runCommand,
  patchelf,
  nukeReferences,
  zip,
}:
{
  name,
  # The program, and its path in the archive.
  program,
  at,
  libraries,
  # The folder of the libraries in the archive.
  folder,
  # The folder to which Lambda unpacks the archive.
  root,
}:
runCommand name
  {
    nativeBuildInputs = [
      patchelf
      nukeReferences
      zip
    ];
    allowedReferences = [ ];
  }
  ''
    mkdir root
    cd root
    install -D --mode=755 ${program} ${at}
    cp --recursive ${libraries}/lib ${folder}
    # RPATH, not RUNPATH: the loader searches a RUNPATH after LD_LIBRARY_PATH, which contains the C library of Lambda's runtime.
    patchelf --force-rpath --set-rpath ${root}/${folder} \
      --set-interpreter "${root}/${folder}/$(basename "$(patchelf --print-interpreter ${at})")" ${at}
    nuke-refs ${at}

    # All files have the same time and a fixed order, so that the archive is reproducible. Zip supports no time before 1980.
    find . -exec touch --date=1980-01-01T00:00:00Z {} +
    find . -type f | LC_ALL=C sort | TZ=UTC zip -X -q -@ $out
  ''
