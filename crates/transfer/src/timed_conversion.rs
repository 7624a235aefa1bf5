use std::num::NonZeroUsize;
use std::time::Duration;

use convert::{Conversion, OpenedImage, Preview};
use model::{FocalPoint, Limits, Recipe, SourceInfo, Speed, Timings};
use serde::{Deserialize, Serialize};

use crate::Error;
use crate::stage::Stage;

/// The settings for one conversion.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ConversionRequest {
    /// The recipe.
    pub recipe: Recipe,
    /// The point that every crop contains. If it is `None`, the image itself decides.
    pub focal_point: Option<FocalPoint>,
    /// The limits.
    pub limits: Limits,
    /// The number of threads.
    pub threads: NonZeroUsize,
    /// The available time.
    pub time: TimeBudget,
    /// Whether the result contains a preview.
    pub has_preview: bool,
}

/// The result of a conversion, with the properties of the source and the timings.
#[derive(Debug)]
pub struct TimedConversion {
    /// Properties of the source.
    pub info: SourceInfo,
    /// The variants.
    pub conversion: Conversion,
    /// What a page can show before the image arrives. `None` if it is not requested, or if no pixels were decoded.
    pub preview: Option<Preview>,
    /// The times of decode, transform and encode. The times of the other stages are 0.
    pub timings: Timings,
}

/// The time that a conversion may use. The default is unlimited.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimeBudget {
    /// The time until the deadline, if there is a deadline.
    pub until_deadline: Option<Duration>,
    /// The part of the time until the deadline that this image may use, if other images wait.
    pub share: Option<Duration>,
    /// Whether the conversion must fail if there is no time for a quality search. This is set if variants with a
    /// cut-short search are already stored.
    pub is_search_required: bool,
    /// Whether the quality search is skipped, because it took too long in an earlier attempt.
    pub is_search_disabled: bool,
}

/// The estimated time of a quality search, as a multiple of the minimum time of one encode. The number assumes four
/// encodes, with a comparison after each encode, of an image that needs twice the minimum time.
const SEARCH_COST_FACTOR: u32 = 8;

/// Converts an image file and measures the time of each stage. This function blocks the calling thread, and uses the
/// number of threads in the request. It does not enforce the limit on CPU time while the conversion runs, but it does
/// not start a conversion that would exceed the limit.
///
/// # Errors
/// [`Error::OutOfTime`] or [`Error::CpuTimeExceeded`], before the image is decoded, if the time is not sufficient even
/// for a fast conversion. [`Error::Convert`] if the conversion failed.
pub fn convert_with_timings(bytes: Vec<u8>, request: &ConversionRequest) -> Result<TimedConversion, Error> {
    convert_with_callback(bytes, request, |_| ())
}

/// Like [`convert_with_timings`]. This function also calls `before_encoding` after the image is decoded and
/// transformed. The argument of the call is true if a quality search follows.
pub(crate) fn convert_with_callback(
    bytes: Vec<u8>,
    request: &ConversionRequest,
    before_encoding: impl FnOnce(bool),
) -> Result<TimedConversion, Error> {
    let ConversionRequest { recipe, focal_point, limits, threads, time, has_preview } = request;
    let opened = OpenedImage::open(&bytes, recipe, limits)?;
    let opened = match focal_point {
        Some(point) => opened.with_focal_point(*point),
        None => opened,
    };
    let cpu = minimum_cpu_time(&opened, recipe.speed);
    if let Some(limit) = limits.cpu_seconds.filter(|limit| cpu > seconds(limit.get())) {
        return Err(Error::CpuTimeExceeded { needed: Some(cpu), limit });
    }
    // This is the minimum time, which assumes that all threads are always busy. So only a conversion that certainly
    // takes too long is rejected.
    let needed = cpu / u32::try_from(threads.get()).unwrap_or(u32::MAX);
    // The search of a WebP or a JPEG takes about as long as the search of an AVIF, because most of it is comparing.
    let formats = u32::try_from(recipe.formats.iter().count()).unwrap_or(u32::MAX);
    let needed_to_search = needed * SEARCH_COST_FACTOR * formats;
    if let Some(left) = time.until_deadline.filter(|left| needed > *left) {
        return Err(Error::OutOfTime { needed, left });
    }
    let search_limits = [time.share.or(time.until_deadline), limits.cpu_seconds.map(|limit| seconds(limit.get()))];
    let exceeded_limit = search_limits.into_iter().flatten().find(|limit| needed_to_search > *limit);
    let has_time_to_search = !time.is_search_disabled && exceeded_limit.is_none();
    if time.is_search_required && !has_time_to_search {
        return Err(Error::OutOfTime { needed: needed_to_search, left: exceeded_limit.unwrap_or_default() });
    }
    let opened = if has_time_to_search { opened } else { opened.without_time_to_search() };
    let (width, height) = opened.size();
    let format = opened.format().to_string().to_lowercase();
    let info = SourceInfo { format, width, height, bytes: bytes.len() as u64, frames: opened.frames() };
    let (decoded, decode_ms) = Stage::decode().run(|| opened.decode())?;
    // This frees the file's memory for the encoder.
    drop(bytes);
    let ((transformed, preview), transform_ms) = Stage::transform().run(|| {
        let transformed = decoded.transform()?;
        let preview = if *has_preview { transformed.preview()? } else { None };
        Ok::<_, convert::Error>((transformed, preview))
    })?;
    before_encoding(recipe.quality.is_searched() && has_time_to_search);
    let (conversion, encode_ms) = Stage::encode().run(|| transformed.encode(*threads))?;
    let timings = Timings { decode_ms, transform_ms, encode_ms, ..Timings::default() };
    Ok(TimedConversion { info, conversion, preview, timings })
}

/// Returns the minimum CPU time of one encode of each variant.
fn minimum_cpu_time(opened: &OpenedImage<'_>, speed: Speed) -> Duration {
    Duration::from_nanos(opened.encoded_pixels().saturating_mul(nanoseconds_per_pixel(speed)))
}

fn seconds(number: u32) -> Duration {
    Duration::from_secs(number.into())
}

/// Returns the minimum CPU time per pixel in nanoseconds at this speed, measured with the bundled codec and a
/// photograph that is easy to encode (docs/performance.md).
fn nanoseconds_per_pixel(speed: Speed) -> u64 {
    match speed.number() {
        0 => 10_000,
        1 => 4_000,
        2 => 2_000,
        3 => 1_000,
        4 => 600,
        5 => 300,
        6 => 150,
        7 => 80,
        8 => 60,
        _ => 40,
    }
}
