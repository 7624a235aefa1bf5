# pkgs, native and target (sets of packages) -> a check of the target's image, which converts a photo with each codec.
{
  pkgs,
  native,
  target,
}:
let
  inherit (pkgs) lib;
  inherit (target.bootstrap.stdenv) hostPlatform;
  architecture = hostPlatform.go.GOARCH;
  emulator = hostPlatform.emulator pkgs;
in
pkgs.runCommand "image-check-${architecture}"
  {
    nativeBuildInputs = [
      native.avif
      pkgs.jq
      pkgs.libavif
    ];
  }
  ''
    fail() { echo "image check: $*" >&2; exit 1; }
    mkdir archive root
    tar --extract --file=${target.lambda-image} --directory=archive
    [ "$(jq length archive/manifest.json)" = 1 ] || fail "the archive has more than one manifest"
    config=archive/$(jq --raw-output '.[0].Config' archive/manifest.json)
    [ "$(jq --raw-output .architecture "$config")" = ${architecture} ] || fail "wrong architecture"
    [ "$(jq --compact-output .config.Entrypoint "$config")" = '["/bootstrap"]' ] || fail "wrong entry point"
    jq --raw-output '.[0].Layers[]' archive/manifest.json | while read -r layer; do
      tar --list --verbose --file="archive/$layer" >>files
      tar --extract --no-same-permissions --file="archive/$layer" --directory=root
      chmod --recursive u+w root
    done

    # Lambda runs the image as an unspecified user, and starts every file in /opt/extensions.
    if grep --extended-regexp '^[-d]......[^r]|^d........[^x]|^-..x.....[^x]' files; then fail "some files are not readable or not executable by all users"; fi
    [ "$(ls --almost-all root/opt/extensions)" = avif-extension ] || fail "unexpected files in /opt/extensions"

    # Reduces HASH-NAME-VERSION-OUTPUT to NAME-OUTPUT. A cross compiler adds its target to the name.
    ls root/nix/store | sed --regexp-extended \
      's/^[^-]*-//; s/^${hostPlatform.config}-|-${hostPlatform.config}//; s/-[0-9][^-]*//g' | sort --unique >packages
    # The programs and codecs; what libyuv needs; the libraries of the compiler; the C library and what it needs. So a shell, a
    # compiler or glib is unexpected.
    printf '%s\n' bootstrap avif-extension libavif libaom svt-av1 dav1d libyuv libwebp ca-certificates nss-cacert \
      libjpeg-turbo gcc-lib gcc-libgcc xgcc-libgcc libgcc glibc libidn2 libunistring | sort >known
    comm -23 packages known >unexpected
    [ ! -s unexpected ] || fail "unexpected packages: $(tr '\n' ' ' <unexpected)"
    size=$(du --summarize --bytes root | cut --fields=1)
    [ "$size" -le 90000000 ] || fail "the size is $size bytes, more than 90 MB"

    # The loader of the image finds all libraries in the image, and each program starts: without Lambda, it asks for its API.
    loader=$(echo "$PWD"/root/nix/store/*/lib/ld-linux*)
    for link in bootstrap opt/extensions/avif-extension; do
      program=$(readlink root/$link)
      ${emulator} "$loader" --library-path "$(printf %s: "$PWD"/root/nix/store/*/lib)" --list "root$program" >list ||
        fail "/$link lacks a library: $(cat list)"
      if grep ' => ' list | grep --invert-match " => $PWD/root/"; then fail "/$link has libraries outside of the image"; fi
      ${emulator} "$program" >output 2>&1 || grep --quiet AWS_LAMBDA_RUNTIME_API output || fail "/$link does not start: $(cat output)"
    done
    [ -L root/etc/ssl/certs/ca-certificates.crt ] && grep --quiet 'BEGIN CERTIFICATE' root/nix/store/*/etc/ssl/certs/ca-bundle.crt ||
      fail "the CA certificates are missing"

    # The programs have these paths, so they run from the store of this machine. Its files are those of the image.
    for path in root/nix/store/*; do
      diff --recursive --no-dereference "$path" "''${path#root}" || fail "''${path#root} differs from the store"
    done
    # The function starts a second process of itself, which an emulator cannot do. There, `avif` converts in one process, with
    # the same libraries.
    convert() { # FOLDER QUALITY WIDTH
      if ${lib.boolToString (pkgs.stdenv.hostPlatform.canExecute hostPlatform)}; then
        avif demo --bootstrap "$(readlink root/bootstrap)" --extension "$(readlink root/opt/extensions/avif-extension)" \
          --output "$1" --env "AVIF_QUALITY=$2" --env "AVIF_SIZES=$3"
      else
        ${emulator} ${lib.getExe target.avif} convert ${../crates/cli/assets/rocket.jpg} --output "$1/" --quality "$2" --size "$3"
      fi
      avifdec --info "$1"/*.avif | tee info
    }
    convert svt 60 320
    grep --quiet 'Bit Depth *: 10$' info || fail "not encoded with SVT-AV1: only SVT-AV1 encodes an 8-bit photo with 10 bits"
    convert aom 100 64
    grep --quiet 'Format *: YUV444$' info || fail "not encoded with libaom: only libaom encodes without loss"
    echo "$size bytes in $(jq '.[0].Layers | length' archive/manifest.json) layers" | tee $out
  ''
