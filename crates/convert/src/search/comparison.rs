use avif::{Attachments, Quantizer, QuantizerStep};
use model::PlanarImage;

use super::compared_image::ComparedImage;
use super::score::{Parts, ssimulacra2};
use crate::write::avif::EncoderSettings;

/// An image to encode, and the reference that its encodes are compared with.
pub(super) struct Comparison<'a> {
    pub(super) planar: &'a PlanarImage,
    pub(super) reference: ComparedImage<'a>,
    pub(super) parts: &'a Parts,
}

/// An encoded file and its score.
pub(crate) struct ScoredFile {
    pub(crate) file: Vec<u8>,
    /// The SSIMULACRA2 score.
    pub(crate) score: f32,
}

impl ScoredFile {
    /// Returns the approximate number of bytes of the file.
    #[expect(clippy::cast_precision_loss, reason = "it is compared with estimates")]
    pub(super) fn bytes(&self) -> f32 {
        self.file.len() as f32
    }
}

/// Why a search failed.
#[derive(Debug)]
pub(crate) enum SearchError {
    /// An encode failed.
    Encode(avif::Error),
    /// The images could not be compared. Encoding at a fixed quality may still succeed.
    Compare(String),
}

impl From<avif::Error> for SearchError {
    fn from(error: avif::Error) -> Self {
        Self::Encode(error)
    }
}

impl Comparison<'_> {
    /// Encodes the image and measures the score of the encoded file.
    pub(super) fn encode(
        &self,
        quantizer: Quantizer,
        attachments: &Attachments,
        settings: &EncoderSettings,
    ) -> Result<ScoredFile, SearchError> {
        let settings = EncoderSettings { quantizer, precision: QuantizerStep::Quarter, ..*settings };
        let file = settings.encode(self.planar, attachments)?;
        let (width, height) = self.reference.size();
        let decoded = avif::decode(&file, width.saturating_mul(height))?;
        let score = ssimulacra2(self.reference, ComparedImage::Planar(&decoded.image), self.parts)
            .map_err(SearchError::Compare)?;
        Ok(ScoredFile { file, score })
    }
}
