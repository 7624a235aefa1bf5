use std::num::NonZeroUsize;

use crate::native;
use crate::quantizer::{Quantizer, Step};
use model::{Chroma, Depth, PlanarImage, Shape, Speed};

/// How to encode one image.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// Of the colors; alpha is always lossless, so that what is opaque or clear stays exactly so. A codec that takes whole
    /// ones takes the next finer.
    pub quantizer: Quantizer,
    /// CPU against bytes.
    pub speed: Speed,
    /// What the image shows, which decides the coding tools.
    pub content: Content,
    /// Threads the codec may use.
    pub threads: NonZeroUsize,
}

/// What an image shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Content {
    /// A camera's image: noise and gradients, hardly two neighboring pixels alike.
    Photograph,
    /// A drawn image: flat areas, sharp edges, repeated glyphs.
    Graphic,
}

/// An encoder that libavif may have linked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Codec {
    Aom,
    Svt,
}

/// Turned off for photographs: libaom 3.11 takes some of them for screen content and then writes up to four times the
/// bytes. On screenshots the same two tools save 20 to 50%.
const NO_SCREEN_TOOLS: [(&str, &str); 2] = [("color:enable-palette", "0"), NO_INTRABC];

/// Block copy within the image takes 8% off a screenshot for five times the CPU and 70 bytes of memory a pixel, so it
/// is left to those who ask for slow.
const NO_INTRABC: (&str, &str) = ("color:enable-intrabc", "0");
const INTRABC_BELOW: u8 = 6;

/// For libaom 3.11 at 8 bits: 6 to 9% smaller than its defaults at equal SSIMULACRA2 and CPU. libaom from 3.13 on has better
/// defaults of its own (tune=iq).
#[cfg(not(feature = "system"))]
const TUNED: &[(&str, &str)] = &[
    ("color:enable-qm", "1"),
    ("color:qm-min", "2"),
    ("color:qm-max", "10"),
    ("color:enable-chroma-deltaq", "1"),
    ("color:dist-metric", "qm-psnr"),
];
#[cfg(feature = "system")]
const TUNED: &[(&str, &str)] = &[];

/// The same at 10 bits, where steep matrices such as those above make a file 17 to 28% larger than the defaults do, and
/// flat ones 0 to 6% smaller.
#[cfg(not(feature = "system"))]
const TUNED_TEN: &[(&str, &str)] = &[("color:enable-qm", "1"), ("color:qm-min", "9"), ("color:qm-max", "15")];
#[cfg(feature = "system")]
const TUNED_TEN: &[(&str, &str)] = &[];

/// SVT-AV1's image-quality mode, the best found for photographs.
const SVT_IMAGE_QUALITY: (&str, &str) = ("tune", "3");

/// Bytes of memory a pixel that an encoder takes at its peak, beside the planes that it is given: the most that images
/// of any content were measured to cost (docs/performance.md).
#[must_use]
pub fn bytes_per_pixel(depth: Depth, speed: Speed) -> u64 {
    let [eight, ten] = if speed.number() < INTRABC_BELOW { SLOW } else { FAST };
    match depth {
        Depth::Eight => eight,
        Depth::Ten | Depth::Twelve => ten,
    }
}

/// The same for a sequence of 8 bits. To choose how to code an image, libaom keeps the 35 that follow it, whole; at speeds
/// from 7 on it looks at none.
#[must_use]
pub fn sequence_bytes_per_pixel(speed: Speed) -> u64 {
    if speed.number() < REAL_TIME_FROM { 560 } else { 120 }
}

/// The least of libavif's speeds at which libaom codes a sequence as it would a live one.
const REAL_TIME_FROM: u8 = 7;

/// At 8 and at 10 bits. Of the system's codecs it is SVT-AV1 that takes most, a copy of 8-bit planes at 10 included.
const FAST: [u64; 2] = if cfg!(feature = "system") { [30, 29] } else { [17, 21] };
/// Block copy within the image, which costs most, is for drawn ones, and those have 8 bits.
const SLOW: [u64; 2] = if cfg!(feature = "system") { [65, 30] } else { [65, 27] };

/// Whether a photograph in 4:2:0 is better handed over at 10 bits even where its source has 8: SVT-AV1 makes it 2.6 %
/// smaller at the same score than from planes of 8 bits that are widened.
#[must_use]
pub fn prefers_ten_bits() -> bool {
    native::can_encode_with(Codec::Svt)
}

/// Whether this photograph of 8 bits may be smaller at 10. By libaom 3.11 smooth and dark ones are, by up to 13 %, and others
/// are larger by as much: of 26 photographs, six and seven by more than 4 %.
#[must_use]
pub fn may_prefer_ten_bits(image: &PlanarImage, content: Content) -> bool {
    let Shape { depth, chroma, .. } = image.shape();
    cfg!(not(feature = "system"))
        && content == Content::Photograph
        && (depth, chroma) == (Depth::Eight, Chroma::Yuv420)
        && image.alpha().is_none()
}

/// Whether SVT-AV1 of this version, `v4.2.0, …` say, takes quantizers in quarters.
fn takes_quarters((_, version): (&str, &str)) -> bool {
    let major = version.trim_start_matches('v').split('.').next();
    major.and_then(|major| major.parse::<u32>().ok()).is_some_and(|major| major >= 4)
}

impl Settings {
    /// The codec for an image of this shape, given whether SVT-AV1 is linked at all.
    pub(crate) fn codec(&self, shape: Shape, alpha: bool, svt_linked: bool) -> Codec {
        // SVT-AV1 takes 4:2:0 only, has no lossless mode through libavif, and is 20% larger on drawn images. Alpha
        // goes through the same codec as color, and has to be lossless.
        let suits = shape.chroma == Chroma::Yuv420
            && self.content == Content::Photograph
            && !alpha
            && !self.quantizer.is_lossless();
        // Its documented range of sizes (SVT-AV1, Docs/Parameters.md).
        let fits = (64..=16_384).contains(&shape.width) && (64..=8_704).contains(&shape.height);
        if svt_linked && suits && fits { Codec::Svt } else { Codec::Aom }
    }

    /// How finely that codec tells quantizers apart.
    pub(crate) fn step(codec: Codec) -> Step {
        if codec == Codec::Svt && native::codec_versions().split_once("svt [enc]:").is_some_and(takes_quarters) {
            Step::Quarter
        } else {
            Step::Whole
        }
    }

    /// The options to set on that codec, as libavif's names and values.
    pub(crate) fn options(&self, codec: Codec, depth: Depth) -> Vec<(&'static str, &'static str)> {
        if codec == Codec::Svt {
            return vec![SVT_IMAGE_QUALITY];
        }
        if self.content == Content::Graphic || self.quantizer.is_lossless() {
            return if self.speed.number() < INTRABC_BELOW { vec![] } else { vec![NO_INTRABC] };
        }
        let tuned = if depth == Depth::Eight { TUNED } else { TUNED_TEN };
        [&NO_SCREEN_TOOLS, tuned].concat()
    }

    /// The options to set on libaom for a sequence. What stills are tuned by was measured on stills alone.
    pub(crate) fn sequence_options(&self) -> Vec<(&'static str, &'static str)> {
        match self.content {
            Content::Photograph => NO_SCREEN_TOOLS.to_vec(),
            Content::Graphic => vec![NO_INTRABC],
        }
    }
}
