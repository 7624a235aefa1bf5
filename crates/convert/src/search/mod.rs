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
use model::{PlanarImage, Score};

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
/// The logarithm of what the next coarser quantizer saves: the median of six photographs, at either depth.
const SMALLER: f32 = 0.05;
/// The coarsest quantizer at 8 bits of a photograph that is tried at 10: of three that took coarser ones none was smaller by
/// more than 1 %.
const FINE: f32 = 20.0;
/// How much smaller 10 bits must be to be taken: they cost a quarter more CPU.
const WORTHWHILE: f32 = 0.98;
/// The most pixels of a picture that are compared; cells from all over a larger one stand for the rest.
const COMPARED: u64 = 6_000_000;

/// What is to be encoded, and what the result is compared with.
struct Subject<'a> {
    picture: &'a PlanarImage,
    reference: Pixels<'a>,
    cells: &'a [Cell],
}

impl Subject<'_> {
    fn encode(&self, quantizer: Quantizer, attached: &Attached, settings: &Settings) -> Result<Found, Failed> {
        let settings = Settings { quantizer, ..*settings };
        let file = avif::encode(self.picture, attached, &settings)?;
        let (width, height) = self.reference.size();
        let decoded = avif::decode(&file, width.saturating_mul(height))?;
        let score = score(self.reference, Pixels::Planes(&decoded.image), self.cells)?;
        Ok(Found { file, score })
    }

    /// Its curve near the target, by one encode or two.
    fn learn(&self, expected: Curve, target: Score, settings: &Settings) -> Result<Learnt, Failed> {
        let target = target.value();
        let coarsest = coarsest(settings.content);
        let wanted = |curve: Curve| curve.quantizer(target, Step::Whole).min(coarsest);
        let first = wanted(expected);
        let found = self.encode(first, &Attached::default(), settings)?;
        let curve = expected.moved(first, found.score);
        let second = wanted(curve);
        if (second.value() - first.value()).abs() < FAR {
            return Ok(Learnt::new(curve, &found.file, first, second));
        }
        let found = self.encode(second, &Attached::default(), settings)?;
        let curve = curve.bent(second, found.score);
        Ok(Learnt::new(curve, &found.file, second, wanted(curve)))
    }
}

/// What encoding a picture told.
struct Learnt {
    curve: Curve,
    /// What the target is going to take.
    bytes: f32,
}

impl Learnt {
    #[expect(clippy::cast_precision_loss, reason = "an estimate")]
    fn new(curve: Curve, file: &[u8], at: Quantizer, wanted: Quantizer) -> Self {
        let bytes = file.len() as f32 * (SMALLER * (at.value() - wanted.value())).exp();
        Self { curve, bytes }
    }
}

/// Where a search starts.
#[derive(Clone, Copy)]
pub(crate) struct Start {
    pub(crate) curve: Curve,
    /// Whether the picture, and all that are made of the same source, are smaller at 10 bits than at their 8.
    pub(crate) deeper: bool,
}

/// Learns how a large picture is coded best from a sample of it. A small one is taken for what is `typical`: it is soon
/// encoded as a whole.
pub(crate) fn begin(
    picture: &PlanarImage,
    reference: Option<&DynamicImage>,
    typical: Curve,
    target: Score,
    settings: &Settings,
) -> Result<Start, Failed> {
    let Some(sample) = Sample::of(picture, pixels(picture, reference))? else {
        return Ok(Start { curve: typical, deeper: false });
    };
    let at_eight = sample.subject().learn(typical, target, settings)?;
    let fine = at_eight.curve.quantizer(target.value(), Step::Whole).value() <= FINE;
    if !fine || !avif::may_prefer_ten_bits(picture, settings.content) {
        return Ok(Start { curve: at_eight.curve, deeper: false });
    }
    let expected = at_eight.curve.at_ten_bits(target.value());
    let at_ten = sample.deepened()?.subject().learn(expected, target, settings)?;
    let deeper = at_ten.bytes < at_eight.bytes * WORTHWHILE;
    Ok(Start { curve: if deeper { at_ten.curve } else { at_eight.curve }, deeper })
}

/// Learns a large picture's curve from a sample of it, `expected` being where to look first.
pub(crate) fn look(
    picture: &PlanarImage,
    reference: Option<&DynamicImage>,
    expected: Curve,
    target: Score,
    settings: &Settings,
) -> Result<Curve, Failed> {
    match Sample::of(picture, pixels(picture, reference))? {
        Some(sample) => Ok(sample.subject().learn(expected, target, settings)?.curve),
        None => Ok(expected),
    }
}

/// Encodes a picture at the coarsest quantizer that reaches the target, or as well as it gets.
pub(crate) fn find(
    picture: &PlanarImage,
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

fn pixels<'a>(picture: &'a PlanarImage, reference: Option<&'a DynamicImage>) -> Pixels<'a> {
    reference.map_or(Pixels::Planes(picture), Pixels::Image)
}
