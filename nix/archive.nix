# The zip archive of a program with its libraries, for a place where the C library may be older than nixpkgs': even the
# loader comes along.
{
  runCommand,
  patchelf,
  nukeReferences,
  zip,
}:
{
  name,
  # The program, and its place in the archive.
  program,
  at,
  libraries,
  # A folder of the archive for them.
  beside,
  # Where Lambda unpacks the archive to.
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
    cp --recursive ${libraries}/lib ${beside}
    # As RPATH: a RUNPATH comes after LD_LIBRARY_PATH, in which Lambda puts the C library of its runtime.
    patchelf --force-rpath --set-rpath ${root}/${beside} \
      --set-interpreter "${root}/${beside}/$(basename "$(patchelf --print-interpreter ${at})")" ${at}
    nuke-refs ${at}

    # One time for all files and one order, so that the same bits make the same archive. Zip knows no time before 1980.
    find . -exec touch --date=1980-01-01T00:00:00Z {} +
    find . -type f | LC_ALL=C sort | TZ=UTC zip -X -q -@ $out
  ''
