use std::time::Duration;

use convert::{Conversion, Opened};
use model::{SourceFacts, Speed, Timings};

use crate::stage::Stage;
use crate::{Error, Plan};

/// A picture converted, and what is to be reported of it.
#[derive(Debug)]
pub struct Work {
    /// What the source was.
    pub facts: SourceFacts,
    /// What it became.
    pub conversion: Conversion,
    /// How long decoding, transforming and encoding took.
    pub took: Timings,
}

/// The time that a conversion has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Time {
    /// The time until the deadline, if there is a deadline.
    pub left: Option<Duration>,
    /// Whether a conversion without a search for the quality is useless, because its variants are stored already.
    pub search_required: bool,
}

/// How many times the least time that encoding takes there has to be for a search of the right quality: four encodes and
/// what compares them, of a picture that costs twice as much as an easy one.
const SEARCHING: u32 = 8;

/// Converts a picture file, timing each stage. It blocks, and uses the plan's number of threads.
///
/// # Errors
/// [`Error::OutOfTime`] before it begins where the time cannot be enough; [`Error::Convert`] otherwise.
pub fn work(bytes: Vec<u8>, plan: &Plan, time: Time) -> Result<Work, Error> {
    let opened = Opened::open(&bytes, &plan.recipe, &plan.limits)?;
    let needed = expected(&opened, plan);
    let searching = needed * SEARCHING;
    let required = if time.search_required { searching } else { needed };
    if let Some(left) = time.left.filter(|left| required > *left) {
        return Err(Error::OutOfTime { needed: required, left });
    }
    let opened = match time.left {
        Some(left) if left < searching => opened.without_time_to_search(),
        Some(_) | None => opened,
    };
    let (width, height) = opened.size();
    let format = opened.format().to_string().to_lowercase();
    let facts = SourceFacts { format, width, height, bytes: bytes.len() as u64, frames: opened.frames() };
    let (decoded, decode_ms) = Stage::decode().run(|| opened.decode())?;
    // The file's memory is the encoder's from here on.
    drop(bytes);
    let (transformed, transform_ms) = Stage::transform().run(|| decoded.transform(&plan.recipe))?;
    let (conversion, encode_ms) = Stage::encode().run(|| transformed.encode(&plan.recipe, plan.threads))?;
    let took = Timings { decode_ms, transform_ms, encode_ms, ..Timings::default() };
    Ok(Work { facts, conversion, took })
}

/// The least time it can take: what encoding costs by the megapixel, shared out over the threads. Refusing by this
/// figure refuses nothing that had a chance.
fn expected(opened: &Opened<'_>, plan: &Plan) -> Duration {
    let nanoseconds = opened.encoded_pixels().saturating_mul(nanoseconds_per_pixel(plan.recipe.speed));
    Duration::from_nanos(nanoseconds / plan.threads.get() as u64)
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
