use std::collections::HashMap;
use std::fmt;
use std::mem;
use std::num::NonZeroUsize;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use avif::{Quantizer, QuantizerStep};
use model::{ChromaMode, FixedQuality, Score, Shape, Width};

use crate::pixels::full_chroma;
use crate::pixels::sizes::variant_size;
use crate::search::{
    self, FullChroma, PreferredPlanes, SampleAnalysis, ScoreCurve, ScoredFile, SearchError, SearchedImage,
};
use crate::transform::{QualityMode, Rendition};
use crate::write::avif::EncoderSettings;
use crate::{Conversion, Error, TransformedImage};

/// An encoded variant: one AVIF file.
#[derive(Debug, Clone)]
pub struct Variant {
    /// The width in the recipe that this variant was encoded for.
    pub requested: Width,
    /// Width in pixels: the requested width, or the source's width if that is smaller.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// The bytes of the file. Variants of the same size share these bytes.
    pub bytes: Arc<[u8]>,
    /// Whether the file is a copy of the source. A source is copied if it is already an AVIF of this size.
    pub is_source: bool,
    /// The SSIMULACRA2 score, if a search measured it.
    pub score: Option<f32>,
}

/// How the quantizers of the renditions are chosen.
#[derive(Clone, Copy)]
enum QuantizerPlan {
    Fixed(Quantizer),
    /// Each rendition has its own search. All searches start from the score curve of the largest rendition, because the
    /// curves of the other renditions are similar.
    Search {
        target: Score,
        largest: ScoreCurve,
        /// Whether the search of the largest rendition may encode 4:4:4 planes.
        full_chroma: FullChroma,
    },
}

/// The encoded or copied file of one size.
struct EncodedFile {
    bytes: Arc<[u8]>,
    is_source: bool,
    /// The SSIMULACRA2 score, if it was measured.
    score: Option<f32>,
}

/// The margin that is added to the target score if a search is not possible. With this margin, nine of ten photographs
/// reach the target.
const ESTIMATE_MARGIN: f32 = 5.0;

impl TransformedImage {
    /// Encodes the variants on up to `threads` threads.
    ///
    /// # Errors
    /// Returns [`Error::Encode`] with the error of libavif.
    pub fn encode(mut self, threads: NonZeroUsize) -> Result<Conversion, Error> {
        let mut notes = mem::take(&mut self.notes);
        let plan = self.plan_quantizers(threads, &mut notes)?;
        let mut files = self.encode_renditions(plan, threads)?;
        if let QuantizerPlan::Search { target, .. } = plan {
            notes
                .extend(self.renditions.iter().filter_map(|rendition| missed_target(rendition.size(), &files, target)));
        }
        if let Some(source) = &self.copied_source {
            let bytes = Arc::clone(&source.file);
            files.insert(source.size, EncodedFile { bytes, is_source: true, score: None });
        }
        let variants = self.widths.iter().map(|requested| variant(requested, self.source_size, &files));
        let variants = variants.collect::<Result<_, _>>()?;
        let search_obstacle = match self.quality {
            QualityMode::Estimate(_, obstacle) if !self.renditions.is_empty() => Some(obstacle),
            // Without renditions, the only variant is a copy of the source, and nothing was encoded.
            QualityMode::Estimate(..) | QualityMode::Search(_) | QualityMode::Fixed(_) => None,
        };
        Ok(Conversion { variants, search_obstacle, notes })
    }

    /// Chooses a fixed quantizer, or the curve that the searches start from. The curve is measured on the largest
    /// rendition before the workers start, so that the result does not depend on which worker is faster. If the file of
    /// the largest rendition is smaller at 10 bits or in 4:4:4, all renditions are converted.
    fn plan_quantizers(&mut self, threads: NonZeroUsize, notes: &mut Vec<String>) -> Result<QuantizerPlan, Error> {
        if matches!(self.quality, QualityMode::Search(_)) && self.chroma == ChromaMode::Auto {
            let content = self.content;
            let has_fine_chroma = |rendition: &&mut Rendition| {
                let pixels = rendition.reference.as_ref();
                pixels.is_some_and(|pixels| full_chroma::is_smaller(pixels, content))
            };
            self.renditions.iter_mut().filter(has_fine_chroma).try_for_each(Rendition::use_full_chroma)?;
        }
        let content = self.content;
        let estimate = |shape: Shape, target: Score, obstacle: &dyn fmt::Display, notes: &mut Vec<String>| {
            let typical = ScoreCurve::typical(content, shape);
            let quantizer = typical.quantizer_for(target.value() + ESTIMATE_MARGIN, QuantizerStep::Whole);
            let quality = quantizer.quality();
            notes.push(format!("quality {quality} was used, without a search for visual:{target}: {obstacle}"));
            QuantizerPlan::Fixed(quantizer)
        };
        match (self.quality, self.renditions.first()) {
            (QualityMode::Search(target), Some(largest)) => {
                let shape = largest.planar.shape();
                let image = largest.searched_image(self.full_chroma());
                let typical = ScoreCurve::typical(content, shape);
                match search::analyze_sample(image, typical, target, &self.settings(threads)) {
                    Ok(SampleAnalysis { curve: largest, preferred_planes, full_chroma }) => {
                        match preferred_planes {
                            PreferredPlanes::Unchanged => {}
                            PreferredPlanes::TenBits => {
                                self.renditions.iter_mut().try_for_each(Rendition::widen_to_ten_bits)?;
                            }
                            PreferredPlanes::FullChroma => {
                                self.renditions.iter_mut().try_for_each(Rendition::use_full_chroma)?;
                            }
                        }
                        Ok(QuantizerPlan::Search { target, largest, full_chroma })
                    }
                    Err(SearchError::Compare(message)) => Ok(estimate(shape, target, &message, notes)),
                    Err(error) => Err(search_error(shape, error)),
                }
            }
            (QualityMode::Estimate(target, obstacle), Some(largest)) => {
                Ok(estimate(largest.planar.shape(), target, &obstacle, notes))
            }
            (QualityMode::Fixed(quality), _) => Ok(QuantizerPlan::Fixed(quality.into())),
            // There is nothing to encode, so the quantizer is not used.
            (QualityMode::Search(_) | QualityMode::Estimate(..), None) => {
                Ok(QuantizerPlan::Fixed(FixedQuality::default().into()))
            }
        }
    }

    /// Encodes each rendition. Two workers with half of the threads each are faster than one worker with all threads.
    /// The encode of the largest rendition starts first. If it started last, the other worker would have nothing to do
    /// until it ends.
    fn encode_renditions(
        &self,
        plan: QuantizerPlan,
        threads: NonZeroUsize,
    ) -> Result<HashMap<(u32, u32), EncodedFile>, Error> {
        let workers = threads.get().min(self.renditions.len()).clamp(1, 2);
        let threads_per_worker = NonZeroUsize::new(threads.get() / workers).unwrap_or(NonZeroUsize::MIN);
        let settings = self.settings(threads_per_worker);
        let next = AtomicUsize::new(0);
        let work = || {
            let mut done = Vec::new();
            loop {
                let index = next.fetch_add(1, Ordering::Relaxed);
                let Some(rendition) = self.renditions.get(index) else { return done };
                done.push((index, self.encode_rendition(rendition, index == 0, plan, &settings)));
            }
        };
        let mut done = thread::scope(|scope| {
            let other_workers: Vec<_> = (1..workers).map(|_| scope.spawn(work)).collect();
            let mut done = work();
            for worker in other_workers {
                done.extend(worker.join().unwrap_or_else(|panic| resume_unwind(panic)));
            }
            done
        });
        // If several renditions fail, the error of the largest is returned.
        done.sort_unstable_by_key(|(index, _)| *index);
        done.into_iter().map(|(index, file)| Ok((self.renditions[index].size(), file?))).collect()
    }

    fn encode_rendition(
        &self,
        rendition: &Rendition,
        is_largest: bool,
        plan: QuantizerPlan,
        settings: &EncoderSettings,
    ) -> Result<EncodedFile, Error> {
        let Rendition { planar, attachments, .. } = rendition;
        let shape = planar.shape();
        let (bytes, score) = match plan {
            QuantizerPlan::Fixed(quantizer) => {
                let settings = EncoderSettings { quantizer, ..*settings };
                let bytes = match &self.animation {
                    Some(animation) => animation.encode(planar, self.format, attachments, &settings)?,
                    None => settings.encode(planar, attachments).map_err(|source| Error::encode(shape, source))?,
                };
                (bytes, None)
            }
            QuantizerPlan::Search { target, largest, full_chroma } => {
                // A sample of the largest rendition shows little about the chroma of the narrower ones: their details
                // are smaller, and they are not limited to the chroma that a JPEG stores.
                let image = rendition.searched_image(if is_largest { full_chroma } else { self.full_chroma() });
                let curve =
                    if is_largest { Ok(largest) } else { search::fit_sample_curve(image, largest, target, settings) };
                let ScoredFile { file, score } = curve
                    .and_then(|curve| search::encode_at_target(image, curve, target, attachments, settings))
                    .map_err(|error| search_error(shape, error))?;
                (file, Some(score))
            }
        };
        Ok(EncodedFile { bytes: bytes.into(), is_source: false, score })
    }

    /// Whether a search may encode 4:4:4 planes of a rendition that has 4:2:0 planes.
    fn full_chroma(&self) -> FullChroma {
        match self.chroma {
            ChromaMode::Auto => FullChroma::IfSmaller,
            ChromaMode::Yuv420 | ChromaMode::Yuv444 => FullChroma::Never,
        }
    }

    /// Returns the settings with the default quantizer. The callers replace this quantizer.
    fn settings(&self, threads: NonZeroUsize) -> EncoderSettings {
        let quantizer = FixedQuality::default().into();
        EncoderSettings {
            quantizer,
            precision: QuantizerStep::Whole,
            speed: self.speed,
            content: self.content,
            threads,
        }
    }
}

impl Rendition {
    fn size(&self) -> (u32, u32) {
        let Shape { width, height, .. } = self.planar.shape();
        (width, height)
    }

    fn searched_image(&self, full_chroma: FullChroma) -> SearchedImage<'_> {
        SearchedImage { planar: &self.planar, pixels: self.reference.as_ref(), full_chroma }
    }
}

/// Returns the variant of a requested width, with the file of the variant's size.
fn variant(
    requested: Width,
    source_size: (u32, u32),
    files: &HashMap<(u32, u32), EncodedFile>,
) -> Result<Variant, Error> {
    let (width, height) = variant_size(source_size, requested);
    let file = files.get(&(width, height)).ok_or(Error::MissingVariant { requested, width, height })?;
    let EncodedFile { bytes, is_source, score } = file;
    Ok(Variant { requested, width, height, bytes: Arc::clone(bytes), is_source: *is_source, score: *score })
}

/// Returns a note if the file of this size does not reach the target score.
fn missed_target(size: (u32, u32), files: &HashMap<(u32, u32), EncodedFile>, target: Score) -> Option<String> {
    let score = files.get(&size)?.score.filter(|score| *score < target.value())?;
    let (width, height) = size;
    Some(format!("the target score {target} was not reached at {width}x{height}: the score is {score}"))
}

fn search_error(shape: Shape, error: SearchError) -> Error {
    match error {
        SearchError::Encode(source) => Error::encode(shape, source),
        SearchError::Compare(message) => Error::Planes { width: shape.width, height: shape.height, message },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requested_width_without_a_file_is_an_error() {
        let file = EncodedFile { bytes: [1].into(), is_source: false, score: None };
        let files = HashMap::from([((100, 50), file)]);
        let requested: Width = "100".parse().unwrap();
        assert_eq!(variant(requested, (1000, 500), &files).unwrap().bytes[..], [1]);
        let missing = variant("200".parse().unwrap(), (1000, 500), &files);
        assert!(matches!(missing, Err(Error::MissingVariant { width: 200, height: 100, .. })));
    }
}
