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
        Codec::Svt if is_at_least("svt [enc", (4, 0)) => QuantizerStep::Quarter,
        // From this version on, libavif encodes with tune=iq.
        Codec::Aom if !IS_BUNDLED && is_at_least("aom [enc", (3, 13)) => QuantizerStep::Quarter,
        Codec::Svt | Codec::Aom => QuantizerStep::Whole,
    }
}

/// Whether the encoder whose name starts like this has at least this major and minor version. libavif lists its codecs
/// in the form `aom [enc/dec]:v3.14.1, svt [enc]:v4.2.0`.
fn is_at_least(encoder: &str, version: (u32, u32)) -> bool {
    let versions = codec_versions();
    let found = versions.split_once(encoder).and_then(|(_, rest)| rest.split_once(':')).map(|(_, version)| version);
    let mut numbers = found.unwrap_or_default().trim_start_matches('v').split(['.', ',']).map(str::parse::<u32>);
    let mut next = || numbers.next().and_then(Result::ok).unwrap_or(0);
    (next(), next()) >= version
}

impl fmt::Display for Library {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let origin = if self.is_bundled { "bundled" } else { "system" };
        write!(f, "libavif {} ({origin}; {})", self.version, self.codecs)
    }
}
