//! Encodes the WebP and JPEG variants.

use avif::{Quantizer, QuantizerStep};
use image::DynamicImage;
use model::{FixedQuality, OutputFormat, Score};

use super::avif::ESTIMATE_MARGIN;
use super::{EncodedFile, search_error};
use crate::color::embedded::EmbeddedPixels;
use crate::pixels::background::blend_over;
use crate::search::{self, ScoreCurve, ScoredFile, SearchError};
use crate::transform::{QualityMode, Rendition};
use crate::write::jpeg::{JpegEncoder, fits_segment};
use crate::write::webp::WebpEncoder;
use crate::write::{self, Encoder, FileMetadata};
use crate::{Error, TransformedImage};

impl TransformedImage {
    pub(super) fn encode_webp(&self, rendition: &Rendition) -> Result<EncodedFile, Error> {
        let size = rendition.framing.size;
        let (pixels, metadata) = rendition.embedded()?;
        // WebP has no gray.
        let pixels = if pixels.color().has_alpha() { pixels.into_rgba8().into() } else { pixels.into_rgb8().into() };
        let (content, format) = (self.content, OutputFormat::Webp);
        let typical = ScoreCurve::typical_webp();
        let encoder = || WebpEncoder::new(&pixels, content, self.recipe.speed, &metadata);
        let encode = |quantizer| match &self.animation {
            Some(animation) => animation.encode_webp(&pixels, rendition.framing, write::quality(quantizer), &metadata),
            None => encoder().encode(quantizer).map_err(|error| Error::encode(format, size, error)),
        };
        match self.quality_mode(format) {
            QualityMode::Search(target) => {
                let found = search::encode_webp_at_target(&pixels, content, self.recipe.speed, &metadata, target);
                searched(found, |message| estimated(&encoder(), typical, target, &message))
                    .map_err(|error| search_error(format, size, error))
            }
            QualityMode::Estimate(target, obstacle) => {
                let quantizer = estimated_quantizer(typical, target);
                let notes = vec![estimate_note(format, quantizer, target, &obstacle.to_string())];
                Ok(EncodedFile { notes, ..EncodedFile::new(encode(quantizer)?, None) })
            }
            QualityMode::Fixed(quality) => Ok(EncodedFile::new(encode(quantizer(quality))?, None)),
        }
    }

    pub(super) fn encode_jpeg(&self, rendition: &Rendition) -> Result<EncodedFile, Error> {
        let size = rendition.framing.size;
        let (pixels, mut metadata) = rendition.embedded()?;
        let pixels = blend_over(pixels, self.recipe.background);
        let mut notes = vec![];
        if !fits_segment(&metadata) {
            metadata = FileMetadata { icc: metadata.icc, ..FileMetadata::default() };
            notes.push("the JPEG has neither Exif nor XMP, because they are longer than a segment of a JPEG".into());
        }
        if self.animation.is_some() {
            notes.push("the JPEG is the first frame of the animation".into());
        }
        let (content, chroma, format) = (self.content, self.recipe.chroma, OutputFormat::Jpeg);
        let encoder = || JpegEncoder::new(&pixels, content, search::jpeg_chroma(content, chroma, &pixels), &metadata);
        let typical = ScoreCurve::typical_jpeg();
        let file = match self.quality_mode(format) {
            QualityMode::Search(target) => {
                let found = search::encode_jpeg_at_target(&pixels, content, chroma, &metadata, target);
                searched(found, |message| estimated(&encoder(), typical, target, &message))
            }
            QualityMode::Estimate(target, obstacle) => estimated(&encoder(), typical, target, &obstacle.to_string()),
            QualityMode::Fixed(quality) => {
                let bytes = encoder().encode(quantizer(quality)).map_err(SearchError::from);
                bytes.map(|bytes| EncodedFile::new(bytes, None))
            }
        };
        let file = file.map_err(|error| search_error(format, size, error))?;
        notes.extend(file.notes);
        Ok(EncodedFile { notes, ..file })
    }
}

impl Rendition {
    /// Returns the pixels with 8 bits per channel, and the data that belongs into a file with these pixels.
    fn embedded(&self) -> Result<(DynamicImage, FileMetadata), Error> {
        let EmbeddedPixels { pixels, icc } = EmbeddedPixels::new(self.pixels()?.as_ref(), self.planar.color());
        let (exif, xmp) = (self.attachments.exif.clone(), self.attachments.xmp.clone());
        Ok((pixels, FileMetadata { icc, exif, xmp }))
    }
}

/// Returns the quantizer for a fixed quality, which is on the encoder's own scale. 100 is lossless in WebP.
fn quantizer(quality: FixedQuality) -> Quantizer {
    if quality.is_lossless() {
        return quality.into();
    }
    let loss = f32::from(100 - quality.number()) * (Quantizer::COARSEST.value() / 100.0);
    Quantizer::at_most(loss, QuantizerStep::Quarter)
}

/// Converts the result of a search. If the images cannot be compared, a fixed quality is used.
fn searched(
    found: Result<ScoredFile, SearchError>,
    estimate: impl FnOnce(String) -> Result<EncodedFile, SearchError>,
) -> Result<EncodedFile, SearchError> {
    match found {
        Ok(ScoredFile { file, score }) => Ok(EncodedFile::new(file, Some(score))),
        Err(SearchError::Compare(message)) => estimate(message),
        Err(error) => Err(error),
    }
}

fn estimated_quantizer(typical: ScoreCurve, target: Score) -> Quantizer {
    typical.quantizer_for(target.value() + ESTIMATE_MARGIN, QuantizerStep::Whole)
}

/// Encodes at the quality at which most images reach the target.
fn estimated(
    encoder: &dyn Encoder,
    typical: ScoreCurve,
    target: Score,
    reason: &str,
) -> Result<EncodedFile, SearchError> {
    let quantizer = estimated_quantizer(typical, target);
    let bytes = encoder.encode(quantizer)?;
    let notes = vec![estimate_note(encoder.format(), quantizer, target, reason)];
    Ok(EncodedFile { notes, ..EncodedFile::new(bytes, None) })
}

fn estimate_note(format: OutputFormat, quantizer: Quantizer, target: Score, reason: &str) -> String {
    let quality = write::quality(quantizer);
    format!("{format}: quality {quality:.0} was used, without a search for visual:{target}: {reason}")
}
