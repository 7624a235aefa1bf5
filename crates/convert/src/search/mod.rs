//! The smallest encode that looks as good as was asked for.
//!
//! What a quality number does to a picture differs so much between pictures that one number for all of them wastes a fifth
//! of all bytes. Here the number is looked for: by a fast encode of a sample, then by the encode that is wanted, which is
//! measured and, where it misses, made again. How the score goes with the number is much the same curve for every
//! picture, only higher or lower, so one measurement tells nearly all of it.

mod curve;
mod pixels;
mod sample;
mod score;
mod weights;

use avif::{Attached, Settings};
use image::DynamicImage;
use model::{Picture, Score, Speed};

pub(crate) use self::curve::{Curve, Quantizer};
use self::pixels::Pixels;
use self::sample::Sample;
pub(crate) use self::score::CELL_MEMORY;
use self::score::{Cell, cells, score};

/// The file that was found.
pub(crate) struct Found {
    pub(crate) file: Vec<u8>,
    /// SSIMULACRA2.
    pub(crate) score: f32,
}

/// Why nothing was found.
#[derive(Debug)]
pub(crate) enum Failed {
    /// An encode failed.
    Encode(avif::Error),
    /// The pixels could not be compared, which is nothing against encoding them.
    Compare(String),
}

impl From<avif::Error> for Failed {
    fn from(error: avif::Error) -> Self {
        Self::Encode(error)
    }
}

/// Encodes at the full speed that the search may take; hardly any picture takes a third.
const ENCODES: usize = 4;
/// How much faster the looking is than the encode that is wanted.
const FASTER: u8 = 2;
/// What the wanted encode scores above the fast one: the median of 40 photographs.
const GAIN: f32 = if cfg!(feature = "system") { 0.8 } else { 2.0 };
/// How much above the target the first encode aims, so that most need no second one.
const AIM: f32 = 0.4;
/// How much above the target an encode may come out: what a second one would save is not worth its time.
const SLACK: f32 = 1.5;
/// From how many steps on the curve is too far from where it was measured.
const FAR: u8 = 4;
/// The most pixels of a picture that are compared; cells from all over a larger one stand for the rest.
const COMPARED: u64 = 6_000_000;

/// What is to be encoded, and what the result is compared with.
struct Subject<'a> {
    picture: &'a Picture,
    reference: Pixels<'a>,
    cells: &'a [Cell],
}

impl Subject<'_> {
    fn encode(&self, quantizer: Quantizer, attached: &Attached, settings: &Settings) -> Result<Found, Failed> {
        let settings = Settings { quality: quantizer.quality(), ..*settings };
        let file = avif::encode(self.picture, attached, &settings)?;
        let (width, height) = self.reference.size();
        let decoded = avif::decode(&file, width.saturating_mul(height))?;
        let score = score(self.reference, Pixels::Planes(&decoded.picture), self.cells)?;
        Ok(Found { file, score })
    }
}

/// Learns a picture's curve from a fast encode of a sample; `expected` is where to look first.
pub(crate) fn look(
    picture: &Picture,
    reference: Option<&DynamicImage>,
    expected: Curve,
    target: Score,
    settings: &Settings,
) -> Result<Curve, Failed> {
    let reference = pixels(picture, reference);
    let sample = Sample::of(picture, reference)?;
    // A picture that is its own sample is still compared in cells: it may be a very long strip.
    let whole = cells(reference.size(), COMPARED);
    let subject = match &sample {
        Some(Sample { picture, reference, cells }) => Subject { picture, reference: Pixels::Image(reference), cells },
        None => Subject { picture, reference, cells: &whole },
    };
    let speed = Speed::try_from(settings.speed.number() + FASTER).unwrap_or(settings.speed);
    let settings = Settings { speed, ..*settings };
    let measure = |quantizer| {
        let Found { score, .. } = subject.encode(quantizer, &Attached::default(), &settings)?;
        Ok::<_, Failed>(Curve::through(quantizer, score))
    };
    let coarsest = Quantizer::coarsest(settings.content);
    let first = expected.quantizer(target.value()).min(coarsest);
    let curve = measure(first)?;
    let second = curve.quantizer(target.value()).min(coarsest);
    let curve = if second.distance(first) < FAR { curve } else { measure(second)? };
    Ok(curve.raised(GAIN))
}

/// Encodes a picture at the coarsest quantizer that reaches the target, or as well as it gets.
pub(crate) fn find(
    picture: &Picture,
    reference: Option<&DynamicImage>,
    curve: Curve,
    target: Score,
    attached: &Attached,
    settings: &Settings,
) -> Result<Found, Failed> {
    let reference = pixels(picture, reference);
    let cells = cells(reference.size(), COMPARED);
    let subject = Subject { picture, reference, cells: &cells };
    let target = target.value();
    let coarsest = Quantizer::coarsest(settings.content);
    let mut quantizer = curve.quantizer(target + AIM).min(coarsest);
    // What failed bounds what may be tried from one side, what passed from the other.
    let (mut lowest, mut highest, mut best) = (Quantizer::FINEST, coarsest, None);
    for _ in 0..ENCODES {
        let found = subject.encode(quantizer, attached, settings)?;
        let curve = Curve::through(quantizer, found.score);
        let missed = found.score < target;
        let close = !missed && found.score <= target + SLACK;
        if missed && quantizer != Quantizer::FINEST {
            highest = quantizer.finer(1);
        } else {
            lowest = quantizer.coarser(1);
            best = Some(found);
        }
        if close || lowest > highest {
            break;
        }
        quantizer = curve.quantizer(target + AIM).clamp(lowest, highest);
    }
    match best {
        Some(found) => Ok(found),
        // Short every time: the curve misleads, and what is promised goes before what it costs.
        None => subject.encode(quantizer.finer(FAR), attached, settings),
    }
}

fn pixels<'a>(picture: &'a Picture, reference: Option<&'a DynamicImage>) -> Pixels<'a> {
    reference.map_or(Pixels::Planes(picture), Pixels::Image)
}
