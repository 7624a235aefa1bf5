# extension -> the archive of a layer for functions deployed as zips, on any runtime: Lambda unpacks it to /opt.
#
# A runtime has a C library of its own, which may be older than nixpkgs', so the loader comes along.
{
  stdenv,
  lib,
  runCommand,
  patchelf,
  nukeReferences,
  zip,
  extension,
}:
runCommand "avif-extension-${extension.version}-layer.zip"
  {
    nativeBuildInputs = [
      patchelf
      nukeReferences
      zip
    ];
    allowedReferences = [ ];
  }
  ''
    # Not into extensions, where Lambda would start the libraries, too.
    mkdir -p opt/extensions opt/avif-extension
    install --mode=755 ${extension}/bin/avif-extension opt/extensions/avif-extension
    interpreter=$(patchelf --print-interpreter opt/extensions/avif-extension)
    loader=$(basename "$interpreter")
    install --mode=755 "$interpreter" "opt/avif-extension/$loader"
    for name in $(patchelf --print-needed opt/extensions/avif-extension); do
      for from in ${lib.getLib stdenv.cc.libc}/lib ${lib.getLib stdenv.cc.cc}/lib; do
        if [ -e "$from/$name" ]; then install --mode=755 "$from/$name" "opt/avif-extension/$name"; break; fi
      done
      [ -e "opt/avif-extension/$name" ] || { echo "$name is nowhere" >&2; exit 1; }
    done
    patchelf --set-interpreter "/opt/avif-extension/$loader" --set-rpath /opt/avif-extension opt/extensions/avif-extension
    nuke-refs opt/extensions/avif-extension opt/avif-extension/*

    # One time for all files and one order, so that the same bits make the same archive. Zip knows no time before 1980.
    find opt -exec touch --date=1980-01-01T00:00:00Z {} +
    cd opt
    find . -type f | LC_ALL=C sort | TZ=UTC zip -X -q -@ $out
  ''
