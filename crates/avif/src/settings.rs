use std::num::NonZeroUsize;

use model::Speed;

use crate::codec::Codec;
use crate::quantizer::{Quantizer, QuantizerStep};

/// How to encode an image or a sequence. Alpha is always encoded losslessly.
///
/// ```
/// use std::num::NonZeroUsize;
///
/// use avif::{Codec, CodecOption, Quantizer, QuantizerStep, Settings};
/// use model::Speed;
///
/// let settings = Settings {
///     codec: Codec::Aom,
///     options: &[CodecOption { name: "color:enable-palette", value: "0" }],
///     quantizer: Quantizer::whole(20),
///     precision: QuantizerStep::Whole,
///     speed: Speed::default(),
///     threads: NonZeroUsize::MIN,
/// };
/// assert!(!settings.quantizer.is_lossless());
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// The codec that encodes the image.
    pub codec: Codec,
    /// Options of the codec. libavif rejects unknown names and values.
    pub options: &'static [CodecOption],
    /// The quantizer of the colors. If the codec accepts only whole quantizers, it uses the next finer whole quantizer.
    pub quantizer: Quantizer,
    /// `Whole` encodes at libavif's quality that maps to the next finer whole quantizer. `Quarter` sets the codec's own
    /// options if it accepts quarters. With `Quarter`, a coarser quantizer always has a lower quality. With `Whole`,
    /// libavif maps some adjacent qualities to the same setting of libaom.
    pub precision: QuantizerStep,
    /// libavif's speed: a lower speed makes smaller files and uses more CPU.
    pub speed: Speed,
    /// The maximum number of threads that the codec uses.
    pub threads: NonZeroUsize,
}

/// An option of a codec, as `avifEncoderSetCodecSpecificOption` takes it. The prefix `color:` limits a libaom option to
/// the colors, so that it does not apply to alpha.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CodecOption {
    /// The option's name.
    pub name: &'static str,
    /// The option's value.
    pub value: &'static str,
}
