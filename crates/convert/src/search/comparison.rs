use avif::Quantizer;

use super::compared_image::ComparedImage;
use super::score::ssimulacra2;
use crate::error::EncodeError;
use crate::write::{DecodedFile, Encoder};

/// An encoder, and the reference that its files are compared with.
#[derive(Clone, Copy)]
pub(super) struct Comparison<'a> {
    pub(super) encoder: &'a dyn Encoder,
    pub(super) reference: ComparedImage<'a>,
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

    /// Returns the smaller one of two files that reach the target, or the file with the higher score.
    pub(super) fn better(self, other: Self, target: f32) -> Self {
        let is_other_better = if self.score.min(other.score) >= target {
            other.file.len() < self.file.len()
        } else {
            other.score > self.score
        };
        if is_other_better { other } else { self }
    }
}

/// Why a search failed.
#[derive(Debug)]
pub(crate) enum SearchError {
    /// An encode failed.
    Encode(EncodeError),
    /// The images could not be compared. Encoding at a fixed quality may still succeed.
    Compare(String),
}

impl<E: Into<EncodeError>> From<E> for SearchError {
    fn from(error: E) -> Self {
        Self::Encode(error.into())
    }
}

impl Comparison<'_> {
    /// Encodes the image and measures the score of the encoded file.
    pub(super) fn encode(&self, quantizer: Quantizer) -> Result<ScoredFile, SearchError> {
        let file = self.encoder.encode(quantizer)?;
        let decoded = self.encoder.decode(&file)?;
        let decoded = match &decoded {
            DecodedFile::Planar(image) => ComparedImage::Planar(image),
            DecodedFile::Interleaved(image) => ComparedImage::Interleaved(image),
        };
        let score = ssimulacra2(self.reference, decoded).map_err(SearchError::Compare)?;
        Ok(ScoredFile { file, score })
    }
}
