use std::num::NonZeroUsize;
use std::time::Duration;

use convert::{Conversion, OpenedImage};
use model::{Limits, Recipe, SourceInfo, Speed, Timings};
use serde::{Deserialize, Serialize};

use crate::Error;
use crate::stage::Stage;

/// How one image is converted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// What is made of it.
    pub recipe: Recipe,
    /// What it may take.
    pub limits: Limits,
    /// Threads that it may use.
    pub threads: NonZeroUsize,
    /// The time there is.
    pub time: Time,
}

/// An image converted, and what is to be reported of it.
#[derive(Debug)]
pub struct Work {
    /// What the source was.
    pub facts: SourceInfo,
    /// What it became.
    pub conversion: Conversion,
    /// How long decoding, transforming and encoding took.
    pub took: Timings,
}

/// The time that a conversion has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Time {
    /// The time until the deadline, if there is a deadline.
    pub left: Option<Duration>,
    /// The part of it that this image may use while other images wait; all of it, if none waits.
    pub share: Option<Duration>,
    /// Whether a conversion without a search for the quality is useless, because its variants are stored already.
    pub search_required: bool,
    /// Whether a search was tried and took too long.
    pub without_search: bool,
}

/// How many times the least time that encoding takes there has to be for a search of the right quality: four encodes and
/// what compares them, of an image that costs twice as much as an easy one.
const SEARCHING: u32 = 8;

/// Converts an image file, timing each stage. It blocks, and uses the request's number of threads. It does not enforce the
/// limit on CPU time, but begins nothing that cannot be done within it.
///
/// # Errors
/// [`Error::OutOfTime`] and [`Error::CpuTimeExceeded`] before it begins where the time cannot be enough; [`Error::Convert`] otherwise.
pub fn work(bytes: Vec<u8>, request: &Request) -> Result<Work, Error> {
    work_with(bytes, request, |_| ())
}

/// The same. It calls `before_encoding` when the image is decoded, with whether a search for a quality follows.
pub(crate) fn work_with(bytes: Vec<u8>, request: &Request, before_encoding: impl FnOnce(bool)) -> Result<Work, Error> {
    let Request { recipe, limits, threads, time } = request;
    let opened = OpenedImage::open(&bytes, recipe, limits)?;
    let cpu = least_cpu_time(&opened, recipe.speed);
    if let Some(limit) = limits.cpu_seconds.filter(|limit| cpu > seconds(limit.get())) {
        return Err(Error::CpuTimeExceeded { needed: Some(cpu), limit });
    }
    // Shared out over the threads. Refusing by this figure refuses nothing that had a chance.
    let needed = cpu / u32::try_from(threads.get()).unwrap_or(u32::MAX);
    let searching = needed * SEARCHING;
    if let Some(left) = time.left.filter(|left| needed > *left) {
        return Err(Error::OutOfTime { needed, left });
    }
    let time_to_search = [time.share.or(time.left), limits.cpu_seconds.map(|limit| seconds(limit.get()))];
    let too_short = time_to_search.into_iter().flatten().find(|time| searching > *time);
    let has_no_time = time.without_search || too_short.is_some();
    if time.search_required && has_no_time {
        return Err(Error::OutOfTime { needed: searching, left: too_short.unwrap_or_default() });
    }
    let opened = if has_no_time { opened.without_time_to_search() } else { opened };
    let (width, height) = opened.size();
    let format = opened.format().to_string().to_lowercase();
    let facts = SourceInfo { format, width, height, bytes: bytes.len() as u64, frames: opened.frames() };
    let (decoded, decode_ms) = Stage::decode().run(|| opened.decode())?;
    // The file's memory is the encoder's from here on.
    drop(bytes);
    let (transformed, transform_ms) = Stage::transform().run(|| decoded.transform(recipe))?;
    before_encoding(recipe.quality.is_searched() && !has_no_time);
    let (conversion, encode_ms) = Stage::encode().run(|| transformed.encode(recipe, *threads))?;
    let took = Timings { decode_ms, transform_ms, encode_ms, ..Timings::default() };
    Ok(Work { facts, conversion, took })
}

/// The least CPU time it can take: what encoding costs by the megapixel.
fn least_cpu_time(opened: &OpenedImage<'_>, speed: Speed) -> Duration {
    Duration::from_nanos(opened.encoded_pixels().saturating_mul(nanoseconds_per_pixel(speed)))
}

fn seconds(number: u32) -> Duration {
    Duration::from_secs(number.into())
}

/// CPU time at each speed, the bundled codec on a photograph that costs little (docs/performance.md).
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
