//! An image of a HEIC: pictures with an optional alpha image, or an image that is derived from other images.

use std::sync::Arc;

use avif::boxes::{BoxError, FieldReader};
use avif::{Attachments, DecodedFile};
use heifer_isobmff::boxes::Property;
use heifer_isobmff::{HeifFile, ItemId};
use image::imageops::FilterType;
use image::{DynamicImage, ImageBuffer, Rgba, imageops};
use model::{Chroma, Cicp, Color, Depth, PlanarImage, Samples, Shape};

use super::pictures::{Pictures, are_much_larger, pixels};
use super::transforms::Transforms;
use super::{damaged, from_box_error, from_box_reader, unsupported};
use crate::Error;
use crate::pixels::decoded_avif::pixels_to_image;
use crate::read::heif::{crop_rect, orientation};

/// The auxiliary types of an alpha image (ISO/IEC 23008-12, 6.5.8 and B.2.2.1.2).
const ALPHA_TYPES: [&str; 2] = ["urn:mpeg:hevc:2015:auxid:1", "urn:mpeg:mpegB:cicp:systems:auxiliary:alpha"];

/// The limits on the number of images from which an image is derived, and on how often an image is derived from another.
const MAX_IMAGES: usize = 64;
const MAX_DEPTH: usize = 4;
/// An alpha image has at most so many times the pixels of its image. Encoders write alpha images of the same size.
const MAX_ALPHA_RATIO: u64 = 4;

/// An image and what a viewer does with it.
pub(super) struct StoredImage<'bytes> {
    pub(super) content: Content<'bytes>,
    pub(super) transforms: Transforms,
}

pub(super) enum Content<'bytes> {
    Coded(CodedImage<'bytes>),
    Overlay(Overlay<'bytes>),
    /// The same image with other transforms (ISO/IEC 23008-12, 6.6.2.1).
    Identity(Box<StoredImage<'bytes>>),
}

/// An image whose pictures are in the file.
pub(super) struct CodedImage<'bytes> {
    pub(super) color: Pictures<'bytes>,
    pub(super) alpha: Option<AlphaImage<'bytes>>,
}

pub(super) struct AlphaImage<'bytes> {
    pictures: Pictures<'bytes>,
    /// Whether the colors are multiplied by alpha.
    is_premultiplied: bool,
}

/// Images on a canvas (ISO/IEC 23008-12, 6.6.2.2).
pub(super) struct Overlay<'bytes> {
    size: (u32, u32),
    /// The color of the canvas: red, green, blue and alpha, up to 65,535.
    fill: [u16; 4],
    /// The images with their positions: right and down. The first is the lowest.
    layers: Vec<((i64, i64), StoredImage<'bytes>)>,
}

/// Reads images of one file.
pub(super) struct ImageReader<'bytes> {
    pub(super) file: Arc<HeifFile<'bytes>>,
    /// The length of the file.
    pub(super) bytes: usize,
    /// The number of images that were read.
    pub(super) images: usize,
}

impl<'bytes> ImageReader<'bytes> {
    /// Reads an image, and the images from which it is derived. `depth` is 0 for the primary image.
    pub(super) fn read(&mut self, item: ItemId, depth: usize) -> Result<StoredImage<'bytes>, Error> {
        self.images += 1;
        if self.images > MAX_IMAGES || depth > MAX_DEPTH {
            return Err(unsupported("an image that is derived from too many images"));
        }
        let file = Arc::clone(&self.file);
        let transforms = Transforms::read(file.item_properties(item).map_err(from_box_reader)?)
            .ok_or_else(|| unsupported("an image that is cropped twice or after its rotation"))?;
        let inputs = file.referenced_items(item, b"dimg");
        let content = match &file.item(item).map_err(from_box_reader)?.item_type.0 {
            b"iden" => match *inputs {
                [input] => Content::Identity(Box::new(self.read(input, depth + 1)?)),
                _ => return Err(damaged("an identity derivation has more than one image")),
            },
            b"iovl" => Content::Overlay(self.read_overlay(item, inputs, depth)?),
            _ => Content::Coded(self.read_coded(item)?),
        };
        Ok(StoredImage { content, transforms })
    }

    fn read_coded(&mut self, item: ItemId) -> Result<CodedImage<'bytes>, Error> {
        let color = Pictures::open(&self.file, item, self.bytes)?;
        let Some(alpha) = find_auxiliary(&self.file, item, &ALPHA_TYPES) else {
            return Ok(CodedImage { color, alpha: None });
        };
        let pictures = Pictures::open(&self.file, alpha, self.bytes)?;
        let size = |pictures: &Pictures<'_>| (pictures.shape.width, pictures.shape.height);
        if pixels(size(&pictures)) > pixels(size(&color)).saturating_mul(MAX_ALPHA_RATIO) {
            return Err(unsupported("an alpha image that is much larger than its image"));
        }
        let is_premultiplied = self.file.referenced_items(item, b"prem").contains(&alpha);
        Ok(CodedImage { color, alpha: Some(AlphaImage { pictures, is_premultiplied }) })
    }

    fn read_overlay(&mut self, item: ItemId, inputs: &[ItemId], depth: usize) -> Result<Overlay<'bytes>, Error> {
        let file = Arc::clone(&self.file);
        let data = file.item_data(item).map_err(from_box_reader)?;
        let mut fields = FieldReader { bytes: &data, box_type: *b"iovl" };
        let mut layers = vec![];
        let header = read_overlay_header(&mut fields).map_err(from_box_error)?;
        for &input in inputs {
            let position = read_position(&mut fields, header.field_bytes).map_err(from_box_error)?;
            layers.push((position, self.read(input, depth + 1)?));
        }
        let image = Overlay { size: header.size, fill: header.fill, layers };
        image.check_layers()?;
        Ok(image)
    }
}

/// Returns the first auxiliary image of an item that has one of these types.
pub(super) fn find_auxiliary(file: &HeifFile<'_>, item: ItemId, types: &[&str]) -> Option<ItemId> {
    let is_wanted =
        |property: &Property| matches!(property, Property::AuxiliaryType(name) if types.contains(&name.as_str()));
    let mut auxiliary = file.referencing_items(item, b"auxl").into_iter();
    auxiliary.find(|&item| file.item_properties(item).is_ok_and(|mut all| all.any(is_wanted)))
}

struct OverlayHeader {
    size: (u32, u32),
    fill: [u16; 4],
    field_bytes: usize,
}

fn read_overlay_header(fields: &mut FieldReader<'_>) -> Result<OverlayHeader, BoxError> {
    let [_version, flags] = fields.array()?;
    let fill = [fields.u16()?, fields.u16()?, fields.u16()?, fields.u16()?];
    let field_bytes = if flags & 1 == 0 { 2 } else { 4 };
    let mut side = || Ok(u32::try_from(fields.number(field_bytes)?).unwrap_or(u32::MAX));
    Ok(OverlayHeader { size: (side()?, side()?), fill, field_bytes })
}

/// Reads two signed numbers.
fn read_position(fields: &mut FieldReader<'_>, bytes: usize) -> Result<(i64, i64), BoxError> {
    let unused = 64 - 8 * u32::try_from(bytes).unwrap_or(8);
    let mut number = || Ok::<_, BoxError>((fields.number(bytes)? << unused).cast_signed() >> unused);
    Ok((number()?, number()?))
}

impl StoredImage<'_> {
    /// Width and height in pixels, before and after the crop. The rotation is not applied.
    fn sizes(&self) -> ((u32, u32), [u32; 4]) {
        let size = self.content.size();
        let crop = self.transforms.aperture.and_then(|aperture| crop_rect(aperture, size));
        (size, crop.unwrap_or([0, 0, size.0, size.1]))
    }

    /// The visible rectangle: left, top, width, height.
    pub(super) fn crop(&self) -> [u32; 4] {
        self.sizes().1
    }

    /// Width and height in pixels, as a viewer shows the image.
    fn visible_size(&self) -> (u32, u32) {
        let [_, _, width, height] = self.crop();
        if self.transforms.orientation.quarter_turns.is_multiple_of(2) { (width, height) } else { (height, width) }
    }

    /// The first coded image.
    pub(super) fn first_coded(&self) -> Option<&CodedImage<'_>> {
        match &self.content {
            Content::Coded(coded) => Some(coded),
            Content::Identity(image) => image.first_coded(),
            Content::Overlay(overlay) => overlay.layers.iter().find_map(|(_, layer)| layer.first_coded()),
        }
    }

    /// The bits per sample of the decoded pixels, and whether they have alpha.
    pub(super) fn shape(&self) -> (Shape, bool) {
        match &self.content {
            Content::Coded(coded) => (coded.color.shape, coded.alpha.is_some()),
            Content::Identity(image) => {
                let (width, height) = image.visible_size();
                let (shape, has_alpha) = image.shape();
                (Shape { width, height, ..shape }, has_alpha)
            }
            Content::Overlay(overlay) => {
                let (width, height) = overlay.size;
                let depth = if overlay.is_deep() { Depth::Twelve } else { Depth::Eight };
                (Shape { width, height, depth, chroma: Chroma::Yuv444 }, true)
            }
        }
    }

    /// The maximum memory in bytes that decoding takes in addition to the decoded pixels.
    pub(super) fn decoding_bytes(&self) -> u64 {
        /// Four samples of 16 bits.
        const BYTES_PER_PIXEL: u64 = 8;
        match &self.content {
            Content::Coded(coded) => coded.decoding_bytes(),
            Content::Identity(image) => {
                image.decoding_bytes().saturating_add(image.pixels().saturating_mul(BYTES_PER_PIXEL))
            }
            Content::Overlay(overlay) => {
                let layers = overlay.layers.iter().map(|(_, layer)| {
                    layer.decoding_bytes().saturating_add(layer.pixels().saturating_mul(2 * BYTES_PER_PIXEL))
                });
                layers.max().unwrap_or(0)
            }
        }
    }

    fn pixels(&self) -> u64 {
        pixels(self.content.size())
    }

    /// Decodes, crops and rotates the image.
    fn decode_upright(&self) -> Result<DynamicImage, Error> {
        let mut image = self.decode_cropped()?;
        image.apply_orientation(orientation(self.transforms.orientation));
        Ok(image)
    }

    /// Decodes and crops the image.
    pub(super) fn decode_cropped(&self) -> Result<DynamicImage, Error> {
        let image = match &self.content {
            Content::Coded(coded) => coded.decode()?,
            Content::Identity(image) => image.decode_upright()?,
            Content::Overlay(overlay) => overlay.decode()?,
        };
        let ((whole_width, whole_height), [left, top, width, height]) = self.sizes();
        let is_whole = (width, height) == (whole_width, whole_height);
        Ok(if is_whole { image } else { image.crop_imm(left, top, width, height) })
    }
}

impl Content<'_> {
    /// Width and height in pixels.
    fn size(&self) -> (u32, u32) {
        match self {
            Self::Coded(coded) => (coded.color.shape.width, coded.color.shape.height),
            Self::Overlay(overlay) => overlay.size,
            Self::Identity(image) => image.visible_size(),
        }
    }
}

impl Overlay<'_> {
    fn check_layers(&self) -> Result<(), Error> {
        let canvas = pixels(self.size);
        let layers = self.layers.iter().map(|(_, layer)| layer.pixels()).fold(0, u64::saturating_add);
        if canvas == 0 || are_much_larger(layers, canvas) {
            return Err(damaged("the layers of its overlay are much larger than the image"));
        }
        Ok(())
    }

    fn is_deep(&self) -> bool {
        self.layers.iter().any(|(_, layer)| layer.shape().0.depth != Depth::Eight)
    }

    fn decode(&self) -> Result<DynamicImage, Error> {
        let (width, height) = self.size;
        if self.is_deep() {
            let mut canvas = ImageBuffer::from_pixel(width, height, Rgba(self.fill));
            for ((right, down), layer) in &self.layers {
                imageops::overlay(&mut canvas, &layer.decode_upright()?.into_rgba16(), *right, *down);
            }
            return Ok(self.without_opaque_alpha(canvas.into()));
        }
        let mut canvas = ImageBuffer::from_pixel(width, height, Rgba(self.fill.map(|level| level.to_be_bytes()[0])));
        for ((right, down), layer) in &self.layers {
            imageops::overlay(&mut canvas, &layer.decode_upright()?.into_rgba8(), *right, *down);
        }
        Ok(self.without_opaque_alpha(canvas.into()))
    }

    /// Removes the alpha of an opaque canvas. Drawing on it may have lowered alpha by one level, because of rounding.
    fn without_opaque_alpha(&self, image: DynamicImage) -> DynamicImage {
        match image {
            DynamicImage::ImageRgba16(_) if self.fill[3] == u16::MAX => image.into_rgb16().into(),
            DynamicImage::ImageRgba8(_) if self.fill[3] == u16::MAX => image.into_rgb8().into(),
            image => image,
        }
    }
}

impl CodedImage<'_> {
    fn decoding_bytes(&self) -> u64 {
        // The planes are in memory twice: here, and in libavif while they are converted to RGB.
        let planes = plane_bytes(self.color.shape).saturating_mul(2);
        let alpha = self.alpha.as_ref().map_or(0, |alpha| alpha.decoding_bytes(self.color.shape));
        planes.saturating_add(self.color.decoding_bytes().max(alpha))
    }

    fn decode(&self) -> Result<DynamicImage, Error> {
        self.to_pixels(self.color.decode()?)
    }

    /// Converts the planes to pixels, and adds alpha.
    pub(super) fn to_pixels(&self, planes: Vec<Samples>) -> Result<DynamicImage, Error> {
        let alpha = self.alpha.as_ref().map(|alpha| alpha.decode(self.color.shape)).transpose()?;
        let is_premultiplied = self.alpha.as_ref().is_some_and(|alpha| alpha.is_premultiplied);
        to_image(self.color.shape, planes, alpha, is_premultiplied, self.color.code_points)
    }
}

/// Converts planes to pixels.
pub(super) fn to_image(
    shape: Shape,
    planes: Vec<Samples>,
    alpha: Option<Samples>,
    is_premultiplied: bool,
    cicp: Cicp,
) -> Result<DynamicImage, Error> {
    let has_alpha = alpha.is_some();
    let image = PlanarImage::new(shape, planes, alpha, Color { cicp, icc: None });
    let image = image.map_err(|error| damaged(&error.to_string()))?;
    let (attachments, orientation) = (Attachments::default(), avif::Orientation::default());
    let pixels = DecodedFile { image, is_premultiplied, attachments, orientation, frames: 1 }
        .pixels()
        .map_err(|error| unsupported(&format!("matrix {}: {error}", cicp.matrix)))?;
    pixels_to_image(pixels, shape, has_alpha).ok_or_else(|| damaged("some of its pixels are missing"))
}

impl AlphaImage<'_> {
    /// The maximum memory in bytes that decoding takes. The largest part is the image between the horizontal and the
    /// vertical pass if alpha is resized: four floating-point numbers per pixel.
    fn decoding_bytes(&self, color: Shape) -> u64 {
        let own = self.pictures.shape;
        let resizing = if (own.width, own.height) == (color.width, color.height) {
            0
        } else {
            pixels((own.width, color.height)).saturating_mul(16)
        };
        let samples = pixels((color.width, color.height)).saturating_mul(2 * 3);
        self.pictures.decoding_bytes().max(resizing).saturating_add(samples)
    }

    /// Decodes the alpha plane, with the size and depth of the color planes.
    fn decode(&self, color: Shape) -> Result<Samples, Error> {
        let Shape { width, height, depth, .. } = self.pictures.shape;
        let luma = self.pictures.decode()?.into_iter().next();
        let luma = luma.ok_or_else(|| damaged("its alpha image has no pixels"))?;
        let (low, high) = if self.pictures.code_points.full_range {
            (0, (1 << depth.bits()) - 1)
        } else {
            (16 << (depth.bits() - 8), 235 << (depth.bits() - 8))
        };
        // `Luma16` has the range of 0 to 65,535, whatever the depth is.
        let widen = |sample: u32| {
            let level = sample.clamp(low, high) - low;
            u16::try_from(level * 65_535 / (high - low)).unwrap_or(u16::MAX)
        };
        let samples: Vec<u16> = match luma {
            Samples::U8(samples) => samples.into_iter().map(|sample| widen(sample.into())).collect(),
            Samples::U16(samples) => samples.into_iter().map(|sample| widen(sample.into())).collect(),
        };
        let plane = ImageBuffer::from_raw(width, height, samples).map(DynamicImage::ImageLuma16);
        let plane = plane.ok_or_else(|| damaged("some of the pixels of its alpha image are missing"))?;
        let is_same_size = (width, height) == (color.width, color.height);
        let plane =
            if is_same_size { plane } else { plane.resize_exact(color.width, color.height, FilterType::Triangle) };
        let max = (1_u32 << color.depth.bits()) - 1;
        let narrow = |sample: u16| (u32::from(sample) * max + 32_767) / 65_535;
        let samples = plane.into_luma16().into_raw().into_iter().map(narrow);
        Ok(match color.depth {
            Depth::Eight => Samples::U8(samples.map(|sample| u8::try_from(sample).unwrap_or(u8::MAX)).collect()),
            Depth::Ten | Depth::Twelve => {
                Samples::U16(samples.map(|sample| u16::try_from(sample).unwrap_or(u16::MAX)).collect())
            }
        })
    }
}

/// The number of bytes of all planes.
fn plane_bytes(shape: Shape) -> u64 {
    let samples = |plane| pixels(shape.plane_size(plane));
    let bytes = if shape.depth == Depth::Eight { 1 } else { 2 };
    (0..shape.chroma.planes()).map(samples).fold(0, u64::saturating_add).saturating_mul(bytes)
}
