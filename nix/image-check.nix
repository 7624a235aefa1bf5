# image, avif -> a check of the unpacked image: its files and settings, and that it converts a photo.
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
  # The limit in MB, uncompressed. The function has about 15, the extension under 8, libavif with codecs 20, and the compiler
  # and C libraries 6.
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
    fail() { echo "image check: $*" >&2; exit 1; }

    mkdir archive root
    tar --extract --file=${image} --directory=archive
    [ "$(jq length archive/manifest.json)" = 1 ] || fail "the archive has more than one manifest"
    config=archive/$(jq --raw-output '.[0].Config' archive/manifest.json)
    [ "$(jq --raw-output .architecture "$config")" = ${architecture} ] || fail "wrong architecture"
    [ "$(jq --compact-output .config.Entrypoint "$config")" = '["/bootstrap"]' ] || fail "wrong entry point"
    [ "$(jq '.history | length' "$config")" = "$(jq '.rootfs.diff_ids | length' "$config")" ] || fail "a layer has no history"
    jq --raw-output '.[0].Layers[]' archive/manifest.json | while read -r layer; do
      tar --list --verbose --file="archive/$layer" >>files
      tar --extract --no-same-permissions --file="archive/$layer" --directory=root
      chmod --recursive u+w root
    done

    # Lambda runs the image as an unspecified user.
    if grep --extended-regexp '^-......[^r]' files; then fail "some files are not readable by all users"; fi
    if grep --extended-regexp '^-[^ ]{8}[^x].* \./(bootstrap|opt/extensions/.*)$' files; then fail "some programs are not executable by all users"; fi
    # Lambda starts every file in this folder.
    [ "$(ls --almost-all root/opt/extensions)" = avif-extension ] || fail "unexpected files in /opt/extensions"
    [ "$(stat --format=%s root/opt/extensions/avif-extension)" -lt 8000000 ] || fail "the extension is larger than 8 MB"
    # The store contains only the libraries of the programs: no glib, gdk-pixbuf, shell or compiler.
    if ls root/nix/store | grep --invert-match -e '-avif-lambda-libraries$'; then fail "unexpected packages in the store"; fi
    if ls root/nix/store/*/lib | grep --extended-regexp '^lib(glib|gdk|gobject|vmaf)'; then fail "unexpected libraries"; fi
    [ -s root/etc/ssl/certs/ca-certificates.crt ] || fail "the CA certificates are missing"

    # The loader must find every library in the RPATH of the file that needs it. Like the loader, this search uses a library
    # again if an earlier file loaded it.
    loader=$(patchelf --print-interpreter root/bootstrap)
    [ -x "root$loader" ] || fail "the loader is missing"
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
        [ -n "$found" ] || fail "''${file#root} needs $name, which is missing"
        seen="$seen$name "
        queue+=("$found")
      done
    done
    case $seen in *" libavif.so."*) ;; *) fail "the function is not linked with libavif" ;; esac

    # The image converts a photo. On another architecture it runs in an emulator, so the timeout is long.
    mkdir run
    for program in bootstrap opt/extensions/avif-extension; do
      {
        echo '#!${runtimeShell}'
        echo ${lib.escapeShellArg "exec ${hostPlatform.emulator pkgs}"} "$PWD/root/$program"
      } >"run/$(basename $program)"
    done
    chmod +x run/*
    avif demo --bootstrap run/bootstrap --extension run/avif-extension --timeout 900 --output avifs
    # Only SVT-AV1 encodes with 10 bits, so 10 bits prove that the image uses SVT-AV1.
    avifdec --info avifs/rocket.jpg.avif | tee info
    grep --quiet 'Bit Depth *: 10$' info || fail "the photo was not encoded with SVT-AV1"

    size=$(du --summarize --bytes root | cut --fields=1)
    [ "$size" -le ${toString largest}000000 ] || fail "the size is $size bytes, more than ${toString largest} MB"
    echo "$size bytes in $(jq '.[0].Layers | length' archive/manifest.json) layers" >$out
  ''
