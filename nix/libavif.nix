# libaom, SVT-AV1, dav1d, libyuv -> libavif for the function, in the release for which the encoder settings were measured.
#
# The libavif of nixpkgs encodes only with libaom, and contains programs and a gdk-pixbuf loader with glib. An override would
# replace its source, flags, inputs, environment, and the phases postPatch and postInstall, so this is shorter.
{
  lib,
  stdenv,
  fetchFromGitHub,
  cmake,
  pkg-config,
  dav1d,
  libaom,
  libyuv,
  svt-av1,
}:
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
  # Propagated, because libavif.pc requires them.
  propagatedBuildInputs = [
    dav1d
    # VMAF is a metric for tuning video, and would add a library to the image.
    (libaom.override { enableVmaf = false; })
    libyuv
    svt-av1
  ];
  # libaom only encodes, so that dav1d is the only AV1 decoder for untrusted images.
  cmakeFlags = [
    (lib.cmakeFeature "AVIF_CODEC_AOM" "SYSTEM")
    (lib.cmakeBool "AVIF_CODEC_AOM_DECODE" false)
    (lib.cmakeFeature "AVIF_CODEC_DAV1D" "SYSTEM")
    (lib.cmakeFeature "AVIF_CODEC_SVT" "SYSTEM")
  ];
  meta.license = lib.licenses.bsd2;
})
