//! The samples of a pixel: their number, format and meaning.

use tiff::tags::{ExtraSamples, PlanarConfiguration, SampleFormat};

use crate::Error;
use crate::read::tiff::directory::Directory;
use crate::read::tiff::unsupported;

/// The samples of a pixel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Samples {
    pub(super) kind: SampleKind,
    /// The number of samples in the file.
    pub(super) count: usize,
    /// The number of samples that are color.
    pub(super) colors: usize,
    pub(super) alpha: Option<Alpha>,
    /// Whether each sample has its own strips or tiles.
    pub(super) is_planar: bool,
}

/// The format of a sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SampleKind {
    /// An unsigned integer with this number of bits: 1 to 16, 24, 32 or 64.
    Unsigned(u16),
    /// A signed integer with this number of bits: 8, 16, 24, 32 or 64. The lowest number is black and the highest is
    /// white, as in the default of `SMinSampleValue` and `SMaxSampleValue` (TIFF 6.0, section 19).
    Signed(u16),
    /// A floating-point number with this number of bits: 16, 32 or 64.
    Float(u16),
}

/// The alpha sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Alpha {
    /// Its position among the samples of the pixel.
    pub(super) index: usize,
    /// Whether the colors are multiplied by it (TIFF 6.0, section 18, `ExtraSamples` = 1).
    pub(super) is_premultiplied: bool,
}

/// The maximum number of bits of a pixel. Photoshop writes up to 56 channels of 8 bits.
const MAX_BITS_PER_PIXEL: usize = 512;

impl Samples {
    /// Reads the tags of a pixel with this number of colors. Adds a note if samples are omitted or signed.
    pub(super) fn read(directory: &mut Directory<'_>, colors: usize, notes: &mut Vec<String>) -> Result<Self, Error> {
        let kind = SampleKind::read(directory)?;
        if matches!(kind, SampleKind::Signed(_)) {
            notes.push("its samples are signed: the lowest possible number became black, the highest white".into());
        }
        let count = usize::from(directory.samples_per_pixel()?);
        let is_planar = count > 1 && directory.planar_configuration()? == PlanarConfiguration::Planar;
        if count < colors {
            return Err(unsupported(format!("its pixels have {count} samples (SamplesPerPixel) instead of {colors}")));
        }
        if count * usize::from(kind.bits()) > MAX_BITS_PER_PIXEL {
            let bits = kind.bits();
            return Err(unsupported(format!("its pixels have {count} samples of {bits} bits (SamplesPerPixel)")));
        }
        let extra = count - colors;
        let mut meanings = directory.extra_samples()?.unwrap_or_else(|| {
            // One more sample than the colors is alpha for most readers, even if the tag is missing.
            if extra == 1 && colors < 4 { vec![ExtraSamples::UnassociatedAlpha] } else { vec![] }
        });
        meanings.resize(extra, ExtraSamples::Unspecified);
        let is_alpha = |meaning: &ExtraSamples| *meaning != ExtraSamples::Unspecified;
        let alpha = meanings
            .iter()
            .position(is_alpha)
            .map(|at| Alpha { index: colors + at, is_premultiplied: meanings[at] == ExtraSamples::AssociatedAlpha });
        let omitted = extra - usize::from(alpha.is_some());
        if omitted > 0 {
            notes.push(format!("{omitted} of its {count} channels are neither color nor alpha, and were omitted"));
        }
        Ok(Self { kind, count, colors, alpha, is_planar })
    }

    /// The number of samples that are decoded: the colors and alpha.
    pub(super) fn decoded(&self) -> usize {
        self.colors + usize::from(self.alpha.is_some())
    }

    /// The positions of the decoded samples among the samples of the pixel.
    pub(super) fn indexes(&self) -> impl Iterator<Item = usize> {
        (0..self.colors).chain(self.alpha.map(|alpha| alpha.index))
    }

    /// The number of samples of a pixel in a strip or tile.
    pub(super) fn per_chunk(&self) -> usize {
        if self.is_planar { 1 } else { self.count }
    }
}

impl SampleKind {
    fn read(directory: &mut Directory<'_>) -> Result<Self, Error> {
        let bits = directory.bits_per_sample()?;
        let format = directory.sample_format()?;
        match (format, bits) {
            (SampleFormat::Uint | SampleFormat::Void, 1..=16 | 24 | 32 | 64) => Ok(Self::Unsigned(bits)),
            (SampleFormat::IEEEFP, 16 | 32 | 64) => Ok(Self::Float(bits)),
            (SampleFormat::Int, 8 | 16 | 24 | 32 | 64) => Ok(Self::Signed(bits)),
            (SampleFormat::Uint | SampleFormat::Void | SampleFormat::IEEEFP | SampleFormat::Int, _) => {
                Err(unsupported(format!("its samples have {bits} bits (BitsPerSample)")))
            }
            (other, _) => {
                Err(unsupported(format!("its samples are not real numbers (SampleFormat {})", other.to_u16())))
            }
        }
    }

    pub(super) fn bits(self) -> u16 {
        let (Self::Unsigned(bits) | Self::Signed(bits) | Self::Float(bits)) = self;
        bits
    }

    /// Whether a decoded level has 16 bits instead of 8.
    pub(super) fn is_deep(self) -> bool {
        self.bits() > 8
    }
}
