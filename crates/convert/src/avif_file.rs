//! AVIF as a source: at its own width it is kept without being encoded again; only narrower variants are encoded.

use std::mem;
use std::sync::Arc;

use avif::{Aperture, Header, Pixels};
use image::metadata::Orientation;
use image::{ColorType, DynamicImage, ImageBuffer};
use model::{Chroma, Cicp, Depth, Metadata, Recipe, Shape};

use crate::error::brief;
use crate::heif::{self, Container};
use crate::{Error, Format};

/// An AVIF whose boxes were read.
pub(crate) struct AvifFile<'bytes> {
    /// The source, where its metadata is kept.
    source: Option<&'bytes [u8]>,
    /// What was read of it. The codec decodes nothing else.
    container: Container,
    shape: Shape,
    alpha: bool,
    frames: u32,
    /// What is shown of it: left, top, width, height.
    shown: [u32; 4],
}

/// A source that is a variant of its own.
#[derive(Debug, Clone)]
pub(crate) struct Kept {
    pub(crate) file: Arc<[u8]>,
    /// Pixels across and down, upright.
    pub(crate) size: (u32, u32),
}

impl<'bytes> AvifFile<'bytes> {
    /// Reads the boxes. What is kept has no metadata where the recipe wants none.
    pub(crate) fn open(bytes: &'bytes [u8], recipe: &Recipe) -> Result<(Self, Header), Error> {
        let mut container = heif::read(bytes, recipe.metadata)?;
        let mut header = avif::header(&container.file).map_err(damaged)?;
        header.attachments = mem::take(&mut container.attachments);
        let source = match recipe.metadata {
            Metadata::Keep => Some(bytes),
            Metadata::Strip => None,
        };
        let (shape, alpha, frames) = (header.shape, header.has_alpha, header.frames);
        let whole = [0, 0, shape.width, shape.height];
        let shown = header.aperture.and_then(|aperture| cut(aperture, shape)).unwrap_or(whole);
        Ok((Self { source, container, shape, alpha, frames, shown }, header))
    }

    /// Pixels across and down, cut and not yet turned.
    pub(crate) fn size(&self) -> (u32, u32) {
        (self.shown[2], self.shown[3])
    }

    /// The most bytes that tables of its samples take, here and in the codec.
    pub(crate) fn table_bytes(&self) -> u64 {
        /// 130 bytes were measured, those in libavif included. And each of three copies may be longer than the source, by
        /// the offset and the size of a sample and the size of its last unit.
        const SAMPLE: u64 = 512;
        self.container.samples as u64 * SAMPLE
    }

    pub(crate) fn color_type(&self) -> ColorType {
        match (self.shape.depth, self.shape.chroma, self.alpha) {
            (Depth::Eight, Chroma::Monochrome, false) => ColorType::L8,
            (Depth::Eight, Chroma::Monochrome, true) => ColorType::La8,
            (Depth::Eight, _, false) => ColorType::Rgb8,
            (Depth::Eight, _, true) => ColorType::Rgba8,
            (_, Chroma::Monochrome, false) => ColorType::L16,
            (_, Chroma::Monochrome, true) => ColorType::La16,
            (_, _, false) => ColorType::Rgb16,
            (_, _, true) => ColorType::Rgba16,
        }
    }

    /// Decodes it, which proves that it is whole: its pixels where narrower variants want them, and itself where its own
    /// width is wanted.
    pub(crate) fn decode(
        self,
        uses: Uses,
        notes: &mut Vec<String>,
    ) -> Result<(Option<DynamicImage>, Option<Kept>), Error> {
        let Container { file, notes: left_out, has_gain_map, .. } = self.container;
        notes.extend(left_out);
        // Its images were held against this size; a gain map may be larger, and is not decoded.
        let most =
            self.shape.width.saturating_mul(self.shape.height).max(heif::SMALL).saturating_mul(heif::MOST_PIXELS);
        let decoded = avif::decode(&file, most).map_err(damaged)?;
        let shape = decoded.image.shape();
        if (shape.width, shape.height) != (self.shape.width, self.shape.height) {
            return Err(damage("its pictures have other dimensions than it claims"));
        }
        let kept = uses.kept.map(|size| {
            let how = if self.source.is_some() { "was kept as it is" } else { "was kept without its metadata" };
            notes.push(format!("it is an AVIF already, and {how}"));
            Kept { file: self.source.unwrap_or(&file).into(), size }
        });
        drop(file);
        if !uses.narrower {
            return Ok((None, kept));
        }
        if self.frames > 1 {
            notes.push(format!("of its {} pictures, the first was taken for narrower variants", self.frames));
        }
        if has_gain_map {
            notes.push("its gain map was left out of narrower variants".into());
        }
        let pixels = decoded.pixels().map_err(|error| Error::Unsupported {
            format: Format::Avif,
            message: format!("matrix {}: {}", decoded.image.color().cicp.matrix, brief(&error.to_string())),
        })?;
        drop(decoded);
        let image = image(pixels, shape, self.alpha).ok_or_else(|| damage("its pixels are not all there"))?;
        let [left, top, width, height] = self.shown;
        let whole = (width, height) == (shape.width, shape.height);
        Ok((Some(if whole { image } else { image.crop_imm(left, top, width, height) }), kept))
    }
}

/// What an AVIF is wanted for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Uses {
    /// Its upright size, where it is wanted at that.
    pub(crate) kept: Option<(u32, u32)>,
    /// Whether it is wanted narrower.
    pub(crate) narrower: bool,
}

/// What the code points say, where they say anything; the matrix becomes one of ours.
pub(crate) fn cicp(Cicp { primaries, transfer, .. }: Cicp) -> Option<Cicp> {
    const UNSPECIFIED: u16 = 2;
    (primaries != UNSPECIFIED || transfer != UNSPECIFIED).then(|| Cicp::with_default_matrix(primaries, transfer))
}

/// The turns in Exif's words. A swap of top and bottom is one of left and right and half a turn.
pub(crate) fn orientation(of: avif::Orientation) -> Orientation {
    let half = if of.mirror_axis == Some(0) { 2 } else { 0 };
    match ((of.quarter_turns + half) % 4, of.mirror_axis.is_some()) {
        (1, false) => Orientation::Rotate270,
        (2, false) => Orientation::Rotate180,
        (3, false) => Orientation::Rotate90,
        (0, true) => Orientation::FlipHorizontal,
        (1, true) => Orientation::Rotate270FlipH,
        (2, true) => Orientation::FlipVertical,
        (3, true) => Orientation::Rotate90FlipH,
        _ => Orientation::NoTransforms,
    }
}

/// The part that an aperture leaves: left, top, width and height; nothing where that is no part of whole pixels, which
/// viewers pass over.
fn cut(Aperture { width, height, right, down }: Aperture, shape: Shape) -> Option<[u32; 4]> {
    let (left, width) = side(width, right, shape.width)?;
    let (top, height) = side(height, down, shape.height)?;
    Some([left, top, width, height])
}

fn side(length: (i32, i32), off: (i32, i32), whole: u32) -> Option<(u32, u32)> {
    let [length, per_length, off, per_off] = [length.0, length.1, off.0, off.1].map(i64::from);
    if per_length <= 0 || per_off <= 0 || length % per_length != 0 {
        return None;
    }
    let length = length / per_length;
    let twice = (i64::from(whole) - length) * per_off + 2 * off;
    if twice % (2 * per_off) != 0 {
        return None;
    }
    let start = twice / (2 * per_off);
    let fits = length > 0 && start >= 0 && start + length <= i64::from(whole);
    fits.then(|| Some((u32::try_from(start).ok()?, u32::try_from(length).ok()?))).flatten()
}

/// The same pixels as an image; nothing where they are not all there.
pub(crate) fn image(pixels: Pixels, Shape { width, height, chroma, .. }: Shape, alpha: bool) -> Option<DynamicImage> {
    let color = match (pixels, alpha) {
        (Pixels::Eight(pixels), false) => DynamicImage::ImageRgb8(ImageBuffer::from_raw(width, height, pixels)?),
        (Pixels::Eight(pixels), true) => DynamicImage::ImageRgba8(ImageBuffer::from_raw(width, height, pixels)?),
        (Pixels::Sixteen(pixels), false) => DynamicImage::ImageRgb16(ImageBuffer::from_raw(width, height, pixels)?),
        (Pixels::Sixteen(pixels), true) => DynamicImage::ImageRgba16(ImageBuffer::from_raw(width, height, pixels)?),
    };
    // Of gray, red, green and blue are the same, and their luma is what they are.
    Some(match (chroma, color) {
        (Chroma::Monochrome, DynamicImage::ImageRgb8(image)) => DynamicImage::from(image).into_luma8().into(),
        (Chroma::Monochrome, DynamicImage::ImageRgba8(image)) => DynamicImage::from(image).into_luma_alpha8().into(),
        (Chroma::Monochrome, DynamicImage::ImageRgb16(image)) => DynamicImage::from(image).into_luma16().into(),
        (Chroma::Monochrome, DynamicImage::ImageRgba16(image)) => DynamicImage::from(image).into_luma_alpha16().into(),
        (_, color) => color,
    })
}

fn damaged(error: avif::Error) -> Error {
    match error {
        avif::Error::UnknownFormat { .. } => {
            Error::Unsupported { format: Format::Avif, message: brief(&error.to_string()) }
        }
        avif::Error::Library { message, .. } => damage(&message),
        error => damage(&error.to_string()),
    }
}

fn damage(message: &str) -> Error {
    Error::Damaged { format: Format::Avif, message: brief(message) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_aperture_of_whole_pixels_within_the_picture_is_cut_out() {
        let shape = Shape { width: 100, height: 60, depth: Depth::Eight, chroma: Chroma::Yuv420 };
        let aperture = Aperture { width: (40, 1), height: (60, 2), right: (-20, 1), down: (5, 1) };
        assert_eq!(cut(aperture, shape), Some([10, 20, 40, 30]));
        for nonsense in [
            Aperture { width: (0, 1), ..aperture },
            Aperture { width: (41, 1), ..aperture },
            Aperture { width: (1, 0), ..aperture },
            Aperture { width: (i32::MIN, -1), ..aperture },
            Aperture { right: (i32::MAX, 1), ..aperture },
            Aperture { right: (-31, 1), ..aperture },
            Aperture { down: (i32::MIN, 1), ..aperture },
        ] {
            assert_eq!(cut(nonsense, shape), None, "{nonsense:?}");
        }
    }
}
