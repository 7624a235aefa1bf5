use super::result::text;
use super::sys;
use crate::codec::Codec;

/// Returns libavif's version.
pub(crate) fn version() -> String {
    // SAFETY: avifVersion takes no arguments and returns a static, NUL-terminated string.
    text(unsafe { sys::avifVersion() })
}

/// Returns libavif's codecs and their versions.
pub(crate) fn codec_versions() -> String {
    // avif.h: the buffer must be 256 bytes long.
    let mut buffer = [0; 256];
    // SAFETY: the buffer is writable and has the length that the function requires.
    unsafe { sys::avifCodecVersions(buffer.as_mut_ptr()) };
    text(buffer.as_ptr())
}

/// Whether libavif includes this encoder.
pub(crate) fn has_encoder(codec: Codec) -> bool {
    // SAFETY: both arguments are valid values of their enums. The returned pointer is null or points to a static
    // string, and it is not stored.
    let name = unsafe { sys::avifCodecName(codec_choice(codec), sys::AVIF_CODEC_FLAG_CAN_ENCODE) };
    !name.is_null()
}

pub(super) fn codec_choice(codec: Codec) -> sys::avifCodecChoice {
    match codec {
        Codec::Aom => sys::AVIF_CODEC_CHOICE_AOM,
        Codec::Svt => sys::AVIF_CODEC_CHOICE_SVT,
    }
}
