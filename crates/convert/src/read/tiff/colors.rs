//! The color space of the samples (TIFF 6.0, section 8, `PhotometricInterpretation`).

use tiff::tags::{PhotometricInterpretation, Tag};

use crate::Error;
use crate::read::tiff::compression::Compression;
use crate::read::tiff::directory::Directory;
use crate::read::tiff::lab::{LabConversion, LabEncoding};
use crate::read::tiff::names::photometric_name;
use crate::read::tiff::palette::Palette;
use crate::read::tiff::samples::{SampleKind, Samples};
use crate::read::tiff::unsupported;
use crate::read::tiff::ycbcr::YCbCrConversion;

/// How the color samples of a pixel are converted to gray, RGB or inks.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Colors {
    Gray {
        is_inverted: bool,
    },
    Rgb,
    /// Amounts of cyan, magenta, yellow and black.
    Inks,
    Palette(Palette),
    YCbCr(YCbCrConversion),
    Lab(LabConversion),
}

/// A sample of a decoded image.
pub(super) trait Level: Copy + Default {
    /// Converts a level. A level of an 8-bit image is at most 255.
    fn from_level(level: u16) -> Self;
}

impl Level for u8 {
    fn from_level(level: u16) -> Self {
        level.to_le_bytes()[0]
    }
}

impl Level for u16 {
    fn from_level(level: u16) -> Self {
        level
    }
}

/// The number of color samples of a pixel.
pub(super) fn color_samples(photometric: PhotometricInterpretation, is_gray_jpeg: bool) -> Result<usize, Error> {
    match photometric {
        PhotometricInterpretation::WhiteIsZero
        | PhotometricInterpretation::BlackIsZero
        | PhotometricInterpretation::RGBPalette => Ok(1),
        // Some writers declare luma and chroma for a JPEG that has only luma.
        PhotometricInterpretation::YCbCr if is_gray_jpeg => Ok(1),
        PhotometricInterpretation::RGB
        | PhotometricInterpretation::YCbCr
        | PhotometricInterpretation::CIELab
        | PhotometricInterpretation::IccLab => Ok(3),
        PhotometricInterpretation::CMYK => Ok(4),
        other => {
            let (name, value) = (photometric_name(other.to_u16()), other.to_u16());
            Err(unsupported(format!("its samples are {name} (PhotometricInterpretation {value})")))
        }
    }
}

impl Colors {
    /// Reads the tags of a color space, and checks that the samples have a supported format.
    pub(super) fn read(
        directory: &mut Directory<'_>,
        photometric: PhotometricInterpretation,
        samples: &Samples,
        compression: Compression,
    ) -> Result<Self, Error> {
        let bits = samples.kind.bits();
        let is_unsigned = matches!(samples.kind, SampleKind::Unsigned(_));
        let refuse = |what: &str| {
            let kind = match samples.kind {
                SampleKind::Unsigned(_) => "bits",
                SampleKind::Signed(_) => "bits of signed integers",
                SampleKind::Float(_) => "bits of floating-point numbers",
            };
            Err(unsupported(format!("its {what} have samples of {bits} {kind}")))
        };
        let is_premultiplied = samples.alpha.is_some_and(|alpha| alpha.is_premultiplied);
        let refuse_alpha = |what: &str| Err(unsupported(format!("its {what} have alpha (ExtraSamples)")));
        match photometric {
            PhotometricInterpretation::WhiteIsZero if is_premultiplied => {
                Err(unsupported("its gray levels are premultiplied by alpha, and 0 is white"))
            }
            PhotometricInterpretation::WhiteIsZero => Ok(Self::Gray { is_inverted: true }),
            PhotometricInterpretation::BlackIsZero => Ok(Self::Gray { is_inverted: false }),
            PhotometricInterpretation::RGB => Ok(Self::Rgb),
            PhotometricInterpretation::RGBPalette => match samples.kind {
                SampleKind::Unsigned(1..=16) if compression == Compression::Jpeg => {
                    Err(unsupported("its palette indexes are compressed as JPEG"))
                }
                SampleKind::Unsigned(1..=16) if is_premultiplied => refuse_alpha("palette indexes"),
                SampleKind::Unsigned(1..=16) if samples.alpha.is_none() || bits == 8 => {
                    Ok(Self::Palette(Palette::read(directory, bits)?))
                }
                _ => refuse("palette indexes"),
            },
            PhotometricInterpretation::CMYK if samples.alpha.is_some() => refuse_alpha("inks"),
            PhotometricInterpretation::CMYK if is_unsigned => {
                directory.check_inks(bits)?;
                Ok(Self::Inks)
            }
            PhotometricInterpretation::CMYK => refuse("inks"),
            PhotometricInterpretation::YCbCr if compression == Compression::Jpeg && samples.colors == 1 => {
                Ok(Self::Gray { is_inverted: false })
            }
            // The JPEG decoder converts luma and chroma.
            PhotometricInterpretation::YCbCr if compression == Compression::Jpeg && !samples.is_planar => Ok(Self::Rgb),
            PhotometricInterpretation::YCbCr if samples.kind == SampleKind::Unsigned(8) => {
                Ok(Self::YCbCr(YCbCrConversion::read(directory)?))
            }
            PhotometricInterpretation::YCbCr => refuse("luma and chroma"),
            PhotometricInterpretation::CIELab | PhotometricInterpretation::IccLab => match samples.kind {
                SampleKind::Unsigned(8 | 16) if is_premultiplied => refuse_alpha("L*a*b* colors"),
                SampleKind::Unsigned(8 | 16) => Ok(Self::Lab(LabConversion::new(LabEncoding {
                    is_deep: samples.kind.is_deep(),
                    is_icc: photometric == PhotometricInterpretation::IccLab,
                }))),
                _ => refuse("L*a*b* colors"),
            },
            other => Err(unsupported(format!("its {:?} is {}", Tag::PhotometricInterpretation, other.to_u16()))),
        }
    }

    /// The number of channels of a converted pixel without alpha.
    pub(super) fn channels(&self) -> usize {
        match self {
            Self::Gray { .. } => 1,
            Self::Rgb | Self::Palette(_) | Self::YCbCr(_) | Self::Lab(_) => 3,
            Self::Inks => 4,
        }
    }

    /// Whether converted levels have 16 bits instead of 8.
    pub(super) fn is_deep(&self, kind: SampleKind) -> bool {
        match self {
            Self::Gray { .. } | Self::Rgb | Self::YCbCr(_) | Self::Lab(_) => kind.is_deep(),
            Self::Palette(palette) => palette.is_deep,
            Self::Inks => false,
        }
    }

    /// Converts pixels. `levels` contains the color samples, and alpha if `has_alpha`, of each pixel.
    pub(super) fn convert<T: Level>(&self, levels: &[u16], kind: SampleKind, has_alpha: bool, pixels: &mut [T]) {
        let alpha = if has_alpha { Some(1) } else { None };
        let full = if kind.is_deep() { u16::MAX } else { 255 };
        match self {
            Self::Gray { is_inverted: false } => map_pixels(levels, alpha, pixels, |gray: [u16; 1]| gray),
            Self::Gray { is_inverted: true } => map_pixels(levels, alpha, pixels, |[gray]| [full - gray]),
            Self::Rgb => map_pixels(levels, alpha, pixels, |rgb: [u16; 3]| rgb),
            Self::Inks if kind.is_deep() => {
                map_pixels(levels, alpha, pixels, |inks: [u16; 4]| inks.map(|ink| ink >> 8));
            }
            Self::Inks => map_pixels(levels, alpha, pixels, |inks: [u16; 4]| inks),
            Self::Palette(palette) => {
                // The alpha of a palette image has 8 bits.
                let alpha = alpha.map(|factor| if palette.is_deep { 257 } else { factor });
                map_pixels(levels, alpha, pixels, |[index]| palette.colors[usize::from(index)]);
            }
            Self::YCbCr(conversion) => map_pixels(levels, alpha, pixels, |samples| conversion.to_rgb(samples)),
            Self::Lab(conversion) if kind.is_deep() => {
                map_pixels(levels, alpha, pixels, |samples| conversion.to_rgb(samples));
            }
            Self::Lab(conversion) => {
                let eight_bits = |level: u16| u16::try_from((u32::from(level) + 128) / 257).unwrap_or(255);
                map_pixels(levels, alpha, pixels, |samples| conversion.to_rgb(samples).map(eight_bits));
            }
        }
    }
}

/// Converts the color samples of each pixel, and multiplies alpha by this factor.
fn map_pixels<T: Level, const SAMPLES: usize, const CHANNELS: usize>(
    levels: &[u16],
    alpha: Option<u16>,
    pixels: &mut [T],
    convert: impl Fn([u16; SAMPLES]) -> [u16; CHANNELS],
) {
    let extra = usize::from(alpha.is_some());
    for (from, to) in levels.chunks_exact(SAMPLES + extra).zip(pixels.chunks_exact_mut(CHANNELS + extra)) {
        let Some((samples, from_alpha)) = from.split_first_chunk() else { continue };
        let Some((channels, to_alpha)) = to.split_first_chunk_mut() else { continue };
        *channels = convert(*samples).map(T::from_level);
        if let (Some(factor), [from], [to]) = (alpha, from_alpha, to_alpha) {
            *to = T::from_level(from * factor);
        }
    }
}
