//! Searches the smallest encode of an image that reaches a target score.
//!
//! At the same quality number, different images have very different scores. One number for all images would therefore
//! waste a fifth of all bytes. The search encodes a sample of the image first. Then it encodes the whole image,
//! measures the score, and encodes again if the score misses the target. The curve of the score as a function of the
//! quantizer has a similar shape for every image and differs mostly in its height. So one measurement is enough to
//! predict most of the curve.
//!
//! The search is the same for all output formats. [`avif`] also chooses the planes of an AVIF, and [`pixels`] the chroma
//! resolution of a JPEG.

mod avif;
mod chroma;
mod compared_image;
mod comparison;
mod curve;
mod curve_fit;
mod pixels;
mod sample;
mod score;
mod searched_image;
mod target;

pub(crate) use self::avif::{PreferredPlanes, SampleAnalysis, analyze_sample, encode_at_target, fit_sample_curve};
pub(crate) use self::comparison::{ScoredFile, SearchError};
pub(crate) use self::curve::ScoreCurve;
pub(crate) use self::pixels::{encode_jpeg_at_target, encode_webp_at_target, jpeg_chroma};
pub(crate) use self::score::COMPARISON_BYTES_PER_COLUMN;
pub(crate) use self::searched_image::{FullChroma, SearchedImage};

/// A curve is reliable up to this distance, in quantizers, from its measurement.
const MAX_EXTRAPOLATION: f32 = 4.0;
