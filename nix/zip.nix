# bootstrap -> the archive for deployment as a zip, on provided.al2023: the function with its libraries beside it.
#
# Amazon Linux 2023 has another C library than nixpkgs, so the loader comes along too. Lambda unpacks to /var/task.
{
  runCommand,
  closureInfo,
  buildPackages,
  bootstrap,
}:
runCommand "avif-lambda-${bootstrap.version}.zip"
  {
    nativeBuildInputs = [
      buildPackages.patchelf
      buildPackages.zip
    ];
    closure = closureInfo { rootPaths = [ bootstrap ]; };
  }
  ''
    mkdir -p task/lib
    install --mode=755 ${bootstrap}/bin/bootstrap task/bootstrap

    # What the file needs, and what that needs in turn.
    bring() {
      local name from
      for name in $(patchelf --print-needed "$1"); do
        if [ -e "task/lib/$name" ]; then continue; fi
        from=$(find $(sed 's|$|/lib|' $closure/store-paths) -maxdepth 1 -name "$name" -print -quit 2>/dev/null || true)
        [ -n "$from" ] || { echo "$name is in no part of the closure" >&2; exit 1; }
        install --mode=755 "$from" "task/lib/$name"
        bring "task/lib/$name"
      done
    }
    bring task/bootstrap

    loader=$(basename "$(patchelf --print-interpreter task/bootstrap)")
    for library in task/lib/*; do
      # The C library's own parts have no search path, and need none.
      if [ -n "$(patchelf --print-rpath "$library")" ]; then patchelf --set-rpath '$ORIGIN' "$library"; fi
    done
    patchelf --set-interpreter "/var/task/lib/$loader" --set-rpath '$ORIGIN/lib' task/bootstrap

    # One time for all files and one order, so that the same bits make the same archive. Zip knows no time before 1980.
    find task -exec touch --date=1980-01-01T00:00:00Z {} +
    cd task
    find . -type f | LC_ALL=C sort | TZ=UTC zip -X -q -@ $out
  ''
