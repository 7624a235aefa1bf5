# libaom, SVT-AV1, dav1d, libyuv -> libavif with what the function calls: the first two to write, dav1d to read.
#
# nixpkgs' own libavif writes with libaom alone, and carries programs, a gdk-pixbuf loader and through it glib. Nearly
# every line of it would have to be taken back; and this is the release that the settings were measured with.
{
  lib,
  stdenv,
  fetchFromGitHub,
  cmake,
  pkg-config,
  dav1d,
  libaom,
  libvmaf,
  libyuv,
  svt-av1,
}:
let
  # A metric for tuning video, which brings a library of its own into the image.
  withoutVmaf = libaom.overrideAttrs (previous: {
    cmakeFlags = previous.cmakeFlags ++ [ (lib.cmakeBool "CONFIG_TUNE_VMAF" false) ];
    propagatedBuildInputs = lib.remove libvmaf (previous.propagatedBuildInputs or [ ]);
  });
in
stdenv.mkDerivation (finalAttrs: {
  pname = "libavif";
  version = "1.4.2";
  src = fetchFromGitHub {
    owner = "AOMediaCodec";
    repo = "libavif";
    tag = "v${finalAttrs.version}";
    hash = "sha256-AMQ1TRPGpuBBW7tJ8xuLEVTAeOsLWTHuE0dFJjI7+W4=";
  };
  outputs = [
    "out"
    "dev"
  ];
  strictDeps = true;
  nativeBuildInputs = [
    cmake
    pkg-config
  ];
  buildInputs = [
    dav1d
    libyuv
    svt-av1
    withoutVmaf
  ];
  # Programs, tests, examples and the gdk-pixbuf loader are off unless asked for.
  cmakeFlags = [
    (lib.cmakeBool "BUILD_SHARED_LIBS" true)
    (lib.cmakeBool "AVIF_CODEC_AOM_DECODE" false)
  ]
  ++ lib.mapAttrsToList lib.cmakeFeature {
    AVIF_CODEC_AOM = "SYSTEM";
    AVIF_CODEC_DAV1D = "SYSTEM";
    AVIF_CODEC_SVT = "SYSTEM";
    AVIF_LIBYUV = "SYSTEM";
  };
  meta = {
    description = "AVIF encoding and decoding, as the function needs it";
    license = lib.licenses.bsd2;
    platforms = lib.platforms.unix;
  };
})
