# bootstrap, libraries -> the archive for deployment as a zip, on provided.al2023: the function with its libraries beside
# it.
#
# Amazon Linux 2023 has another C library than nixpkgs, so the loader comes along too. Lambda unpacks to /var/task.
{
  runCommand,
  patchelf,
  nukeReferences,
  zip,
  bootstrap,
  libraries,
}:
runCommand "avif-lambda-${bootstrap.version}.zip"
  {
    nativeBuildInputs = [
      patchelf
      nukeReferences
      zip
    ];
    allowedReferences = [ ];
  }
  ''
    mkdir task
    install --mode=755 ${bootstrap}/bin/bootstrap task/bootstrap
    cp --recursive ${libraries}/lib task/lib
    loader=$(basename "$(patchelf --print-interpreter task/bootstrap)")
    patchelf --set-interpreter "/var/task/lib/$loader" --set-rpath '$ORIGIN/lib' task/bootstrap
    nuke-refs task/bootstrap

    # One time for all files and one order, so that the same bits make the same archive. Zip knows no time before 1980.
    find task -exec touch --date=1980-01-01T00:00:00Z {} +
    cd task
    find . -type f | LC_ALL=C sort | TZ=UTC zip -X -q -@ $out
  ''
