use std::fmt;

use crate::codec::Codec;
use crate::native::library::{codec_versions, has_encoder, version};
use crate::quantizer::QuantizerStep;

/// Whether libavif and libaom are compiled into this program. Otherwise the program uses the system's libavif.
pub const IS_BUNDLED: bool = cfg!(not(feature = "system"));

/// The version and the codecs of the libavif that this program uses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Library {
    /// The version of libavif, for example `1.4.2`.
    pub version: String,
    /// The codecs of libavif and their versions, in libavif's format: `aom [enc/dec]:3.14.1, svt [enc]:4.2.0`.
    pub codecs: String,
    /// Equal to [`IS_BUNDLED`].
    pub is_bundled: bool,
}

/// The version and the codecs of the libavif that this program uses.
#[must_use]
pub fn library() -> Library {
    Library { version: version(), codecs: codec_versions(), is_bundled: IS_BUNDLED }
}

/// Whether libavif includes this encoder.
#[must_use]
pub fn can_encode_with(codec: Codec) -> bool {
    has_encoder(codec)
}

/// The distance between the quantizers that this codec accepts.
#[must_use]
pub fn quantizer_step(codec: Codec) -> QuantizerStep {
    match codec {
        Codec::Svt if codec_versions().split_once("svt [enc]:").is_some_and(accepts_quarters) => QuantizerStep::Quarter,
        Codec::Svt | Codec::Aom => QuantizerStep::Whole,
    }
}

/// Whether this version of SVT-AV1 accepts quarters of a quantizer. The version has the form `v4.2.0, …`.
fn accepts_quarters((_, version): (&str, &str)) -> bool {
    let major = version.trim_start_matches('v').split('.').next();
    major.and_then(|major| major.parse::<u32>().ok()).is_some_and(|major| major >= 4)
}

impl fmt::Display for Library {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let origin = if self.is_bundled { "bundled" } else { "system" };
        write!(f, "libavif {} ({origin}; {})", self.version, self.codecs)
    }
}
