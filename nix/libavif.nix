# libaom, SVT-AV1, dav1d, libyuv -> libavif for the function. libaom and SVT-AV1 encode, dav1d decodes.
#
# The libavif of nixpkgs encodes only with libaom, and contains programs and a gdk-pixbuf loader with glib. Overriding it would
# change nearly every line. This derivation also fixes the release with which the encoder settings were measured.
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
  # VMAF is a metric for tuning video, and would add a library to the image.
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
  # Programs, tests, examples and the gdk-pixbuf loader are off by default.
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
    description = "AVIF encoding and decoding for the function";
    license = lib.licenses.bsd2;
    platforms = lib.platforms.unix;
  };
})
