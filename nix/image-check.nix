# image, avif -> what an image for Lambda must be, asserted on the unpacked archive, and that it converts a photograph.
{
  lib,
  pkgs,
  runCommand,
  runtimeShell,
  jq,
  libavif,
  patchelf,
  hostPlatform,
  image,
  avif,
}:
let
  architecture = hostPlatform.go.GOARCH;
  # MB, uncompressed: the function about 15, the extension under 8, libavif with its codecs 20, the compiler's and the C library 6.
  largest = 60;
in
runCommand "avif-lambda-image-check-${architecture}"
  {
    nativeBuildInputs = [
      avif
      jq
      libavif
      patchelf
    ];
  }
  ''
    fail() { echo "the image: $*" >&2; exit 1; }

    mkdir archive root
    tar --extract --file=${image} --directory=archive
    [ "$(jq length archive/manifest.json)" = 1 ] || fail "has more than one manifest"
    config=archive/$(jq --raw-output '.[0].Config' archive/manifest.json)
    [ "$(jq --raw-output .architecture "$config")" = ${architecture} ] || fail "is of another architecture"
    [ "$(jq --compact-output .config.Entrypoint "$config")" = '["/bootstrap"]' ] || fail "starts something else"
    [ "$(jq '.history | length' "$config")" = "$(jq '.rootfs.diff_ids | length' "$config")" ] || fail "lacks history"
    jq --raw-output '.[0].Layers[]' archive/manifest.json | while read -r layer; do
      tar --list --verbose --file="archive/$layer" >>files
      tar --extract --no-same-permissions --file="archive/$layer" --directory=root
      chmod --recursive u+w root
    done

    # Lambda runs it as a user that it does not name.
    if grep --extended-regexp '^-......[^r]' files; then fail "has files that not everybody may read"; fi
    if grep --extended-regexp '^-[^ ]{8}[^x].* \./(bootstrap|opt/extensions/.*)$' files; then fail "does not let everybody run its programs"; fi
    # Whatever lies there is started.
    [ "$(ls --almost-all root/opt/extensions)" = avif-extension ] || fail "has other extensions than its own"
    [ "$(stat --format=%s root/opt/extensions/avif-extension)" -lt 8000000 ] || fail "has an extension over 8 MB"
    # No glib, gdk-pixbuf, shell or compiler: nothing but the libraries, and of these no other than libavif's.
    if ls root/nix/store | grep --invert-match -e '-avif-lambda-libraries$'; then fail "carries what it has no use for"; fi
    if ls root/nix/store/*/lib | grep --extended-regexp '^lib(glib|gdk|gobject|vmaf)'; then fail "carries what it has no use for"; fi
    [ -s root/etc/ssl/certs/ca-certificates.crt ] || fail "trusts nobody"

    # Every library is found where the file that needs it has the loader look, in the loader's own order: what was loaded
    # for an earlier file serves a later one.
    loader=$(patchelf --print-interpreter root/bootstrap)
    [ -x "root$loader" ] || fail "has no loader"
    seen=" $(basename "$loader") "
    queue=(root/bootstrap root/opt/extensions/avif-extension)
    while [ ''${#queue[@]} -gt 0 ]; do
      file=''${queue[0]}
      queue=("''${queue[@]:1}")
      path=$(patchelf --print-rpath "$file")
      for name in $(patchelf --print-needed "$file"); do
        if [ "''${seen/ $name /}" != "$seen" ]; then continue; fi
        found=
        for directory in ''${path//:/ }; do
          directory=root''${directory/\$ORIGIN/$(dirname "''${file#root}")}
          if [ -e "$directory/$name" ]; then found=$directory/$name; break; fi
        done
        [ -n "$found" ] || fail "''${file#root} finds no $name"
        seen="$seen$name "
        queue+=("$found")
      done
    done
    case $seen in *" libavif.so."*) ;; *) fail "does not need libavif" ;; esac

    # It works, under emulation where this machine is of another architecture. It is given time for that.
    mkdir run
    for program in bootstrap opt/extensions/avif-extension; do
      {
        echo '#!${runtimeShell}'
        echo ${lib.escapeShellArg "exec ${hostPlatform.emulator pkgs}"} "$PWD/root/$program"
      } >"run/$(basename $program)"
    done
    chmod +x run/*
    avif demo --bootstrap run/bootstrap --extension run/avif-extension --timeout 900 --output avifs
    # With SVT-AV1, which alone is given 10 bits.
    avifdec --info avifs/rocket.jpg.avif | tee info
    grep --quiet 'Bit Depth *: 10$' info || fail "does not write photographs with SVT-AV1"

    size=$(du --summarize --bytes root | cut --fields=1)
    [ "$size" -le ${toString largest}000000 ] || fail "has $size bytes, over ${toString largest} MB"
    echo "$size bytes in $(jq '.[0].Layers | length' archive/manifest.json) layers" >$out
  ''
