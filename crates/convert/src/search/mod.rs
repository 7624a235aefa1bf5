//! The smallest encode that looks as good as was asked for.
//!
//! What a quality number does to a picture differs so much between pictures that one number for all of them wastes a fifth
//! of all bytes. Here the number is looked for: by encoding a sample, then by the encode that is wanted, which is measured
//! and, where it misses, made again. How the score goes with the number is much the same curve for every picture, only
//! higher or lower, so one measurement tells nearly all of it.

mod curve;
mod pixels;
mod sample;
mod score;
mod weights;

use avif::{Attached, Quantizer, Settings, Step};
use image::DynamicImage;
use model::{Picture, Score};

pub(crate) use self::curve::Curve;
use self::curve::coarsest;
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
/// How much above the target an encode aims, so that most need no second one.
const AIM: f32 = 0.25;
/// How far the curve leads from where it was measured.
const FAR: f32 = 4.0;
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
        let settings = Settings { quantizer, ..*settings };
        let file = avif::encode(self.picture, attached, &settings)?;
        let (width, height) = self.reference.size();
        let decoded = avif::decode(&file, width.saturating_mul(height))?;
        let score = score(self.reference, Pixels::Planes(&decoded.picture), self.cells)?;
        Ok(Found { file, score })
    }
}

/// Learns a large picture's curve from a sample of it; `expected` is where to look first, and what a small one is taken for,
/// which is soon encoded as a whole.
pub(crate) fn look(
    picture: &Picture,
    reference: Option<&DynamicImage>,
    expected: Curve,
    target: Score,
    settings: &Settings,
) -> Result<Curve, Failed> {
    let Some(Sample { picture, reference, cells }) = Sample::of(picture, pixels(picture, reference))? else {
        return Ok(expected);
    };
    let subject = Subject { picture: &picture, reference: Pixels::Image(&reference), cells: &cells };
    let measure = |quantizer| subject.encode(quantizer, &Attached::default(), settings).map(|found| found.score);
    let coarsest = coarsest(settings.content);
    let first = expected.quantizer(target.value(), Step::Whole).min(coarsest);
    let curve = expected.moved(first, measure(first)?);
    let second = curve.quantizer(target.value(), Step::Whole).min(coarsest);
    if (second.value() - first.value()).abs() < FAR {
        return Ok(curve);
    }
    Ok(curve.bent(second, measure(second)?))
}

/// Encodes a picture at the coarsest quantizer that reaches the target, or as well as it gets.
pub(crate) fn find(
    picture: &Picture,
    reference: Option<&DynamicImage>,
    mut curve: Curve,
    target: Score,
    attached: &Attached,
    settings: &Settings,
) -> Result<Found, Failed> {
    let reference = pixels(picture, reference);
    let cells = cells(reference.size(), COMPARED);
    let subject = Subject { picture, reference, cells: &cells };
    let target = target.value();
    let coarsest = coarsest(settings.content);
    let step = avif::quantizer_step(picture, attached, settings);
    let mut quantizer = curve.quantizer(target + AIM, step).min(coarsest);
    // What failed bounds what may be tried from one side, what passed from the other.
    let (mut lowest, mut highest, mut best) = (Quantizer::FINEST, coarsest, None);
    for encode in 0..ENCODES {
        let found = subject.encode(quantizer, attached, settings)?;
        curve = match encode {
            // What was expected is of other encodes: it tells no slope.
            0 => curve.moved(quantizer, found.score),
            _ => curve.bent(quantizer, found.score),
        };
        let missed = found.score < target;
        let close = !missed && found.score <= target + slack(step);
        if missed && quantizer != Quantizer::FINEST {
            highest = quantizer.finer(step);
        } else {
            lowest = quantizer.coarser(step);
            best = Some(found);
        }
        if close || lowest > highest {
            break;
        }
        quantizer = curve.quantizer(target + AIM, step).clamp(lowest, highest);
    }
    match best {
        Some(found) => Ok(found),
        // Short every time: the curve misleads, and what is promised goes before what it costs.
        None => subject.encode(Quantizer::at_most(quantizer.value() - FAR, step), attached, settings),
    }
}

/// How much above the target an encode may come out: what another one would save is not worth its time. A whole quantizer
/// is a point of score and more.
fn slack(step: Step) -> f32 {
    match step {
        Step::Quarter => 0.75,
        Step::Whole => 1.5,
    }
}

fn pixels<'a>(picture: &'a Picture, reference: Option<&'a DynamicImage>) -> Pixels<'a> {
    reference.map_or(Pixels::Planes(picture), Pixels::Image)
}
