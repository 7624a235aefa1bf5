//! Encodes the AVIF variants.

use std::fmt;
use std::num::NonZeroUsize;

use avif::{Quantizer, QuantizerStep};
use model::{ChromaMode, FixedQuality, OutputFormat, Score, Shape};

use super::{EncodedFile, search_error};
use crate::pixels::full_chroma;
use crate::search::{
    self, FullChroma, PreferredPlanes, SampleAnalysis, ScoreCurve, ScoredFile, SearchError, SearchedImage,
};
use crate::transform::{QualityMode, Rendition};
use crate::write::avif::EncoderSettings;
use crate::{Error, TransformedImage};

/// How the quantizers of the renditions are chosen.
#[derive(Clone, Copy)]
pub(super) enum QuantizerPlan {
    Fixed(Quantizer),
    /// Each rendition has its own search. All searches start from the score curve of the largest rendition, because the
    /// curves of the other renditions are similar.
    Search {
        target: Score,
        /// The index of the largest rendition.
        largest: usize,
        curve: ScoreCurve,
        /// Whether the search of the largest rendition may encode 4:4:4 planes.
        full_chroma: FullChroma,
    },
}

/// The margin that is added to the target score if a search is not possible. With this margin, nine of ten photographs
/// reach the target.
pub(super) const ESTIMATE_MARGIN: f32 = 5.0;

impl TransformedImage {
    /// Chooses a fixed quantizer, or the curve that the searches start from. The curve is measured on the largest
    /// rendition before the workers start, so that the result does not depend on which worker is faster. If the file of
    /// the largest rendition is smaller at 10 bits or in 4:4:4, all renditions are converted.
    pub(super) fn plan_quantizers(
        &mut self,
        largest: usize,
        threads: NonZeroUsize,
        notes: &mut Vec<String>,
    ) -> Result<QuantizerPlan, Error> {
        let content = self.content;
        if matches!(self.quality, QualityMode::Search(_)) && self.recipe.chroma == ChromaMode::Auto {
            let has_fine_chroma = |rendition: &&mut Rendition| {
                let pixels = rendition.reference.as_ref();
                pixels.is_some_and(|pixels| full_chroma::is_smaller(pixels, content))
            };
            self.renditions.iter_mut().filter(has_fine_chroma).try_for_each(Rendition::use_full_chroma)?;
        }
        let rendition = &self.renditions[largest];
        let shape = rendition.planar.shape();
        let typical = ScoreCurve::typical_avif(content, shape);
        let mut estimate = |target: Score, obstacle: &dyn fmt::Display| {
            let quantizer = typical.quantizer_for(target.value() + ESTIMATE_MARGIN, QuantizerStep::Whole);
            let quality = quantizer.quality();
            notes.push(format!("quality {quality} was used, without a search for visual:{target}: {obstacle}"));
            QuantizerPlan::Fixed(quantizer)
        };
        match self.quality {
            QualityMode::Search(target) => {
                let image = rendition.searched_image(self.full_chroma());
                match search::analyze_sample(image, typical, target, &self.settings(threads)) {
                    Ok(SampleAnalysis { curve, preferred_planes, full_chroma }) => {
                        match preferred_planes {
                            PreferredPlanes::Unchanged => {}
                            PreferredPlanes::TenBits => {
                                self.renditions.iter_mut().try_for_each(Rendition::widen_to_ten_bits)?;
                            }
                            PreferredPlanes::FullChroma => {
                                self.renditions.iter_mut().try_for_each(Rendition::use_full_chroma)?;
                            }
                        }
                        Ok(QuantizerPlan::Search { target, largest, curve, full_chroma })
                    }
                    Err(SearchError::Compare(message)) => Ok(estimate(target, &message)),
                    Err(error) => Err(search_error(OutputFormat::Avif, (shape.width, shape.height), error)),
                }
            }
            QualityMode::Estimate(target, obstacle) => Ok(estimate(target, &obstacle)),
            QualityMode::Fixed(quality) => Ok(QuantizerPlan::Fixed(quality.into())),
        }
    }

    pub(super) fn encode_avif(
        &self,
        rendition: &Rendition,
        index: usize,
        plan: QuantizerPlan,
        threads: NonZeroUsize,
    ) -> Result<EncodedFile, Error> {
        let Rendition { planar, attachments, .. } = rendition;
        let Shape { width, height, .. } = planar.shape();
        let settings = &self.settings(threads);
        match plan {
            QuantizerPlan::Fixed(quantizer) => {
                let settings = EncoderSettings { quantizer, ..*settings };
                let bytes = match &self.animation {
                    Some(animation) => animation.encode_avif(rendition, self.format, &settings)?,
                    None => settings
                        .encode(planar, attachments)
                        .map_err(|source| Error::encode(OutputFormat::Avif, (width, height), source))?,
                };
                Ok(EncodedFile::new(bytes, None))
            }
            QuantizerPlan::Search { target, largest, curve, full_chroma } => {
                // A sample of the largest rendition shows little about the chroma of the narrower ones: their details
                // are smaller, and they are not limited to the chroma that a JPEG stores.
                let is_largest = index == largest;
                let image = rendition.searched_image(if is_largest { full_chroma } else { self.full_chroma() });
                let curve =
                    if is_largest { Ok(curve) } else { search::fit_sample_curve(image, curve, target, settings) };
                let ScoredFile { file, score } = curve
                    .and_then(|curve| search::encode_at_target(image, curve, target, attachments, settings))
                    .map_err(|error| search_error(OutputFormat::Avif, (width, height), error))?;
                Ok(EncodedFile::new(file, Some(score)))
            }
        }
    }

    /// Whether a search may encode 4:4:4 planes of a rendition that has 4:2:0 planes.
    fn full_chroma(&self) -> FullChroma {
        match self.recipe.chroma {
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
            speed: self.recipe.speed,
            content: self.content,
            threads,
        }
    }
}

impl Rendition {
    fn searched_image(&self, full_chroma: FullChroma) -> SearchedImage<'_> {
        SearchedImage { planar: &self.planar, pixels: self.reference.as_ref(), full_chroma }
    }
}
