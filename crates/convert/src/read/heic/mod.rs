//! HEIC: HEIF files whose images are coded as HEVC (ISO/IEC 23008-12), as phones write them. Read with heifer.
//!
//! Phones divide a photo into tiles, which are separate pictures. [`tiles`] decodes them to luma and chroma, so that an
//! AVIF can contain the stored samples. heifer itself puts rare compositions together: overlays, and images that are
//! derived from another image.

mod boxes;
mod color;
mod gain_map;
mod sequence;
mod tiles;
mod transforms;

use std::sync::Arc;

use avif::{Attachments, DecodedFile};
use heifer::heifer_isobmff::boxes::Property;
use heifer::heifer_isobmff::{HeifFile, ItemId, is_image_item};
use image::imageops::FilterType;
use image::{DynamicImage, ImageBuffer};
use model::{Chroma, Cicp, Color, Depth, PlanarImage, Samples, Shape};

use self::tiles::Tiles;
use self::transforms::Transforms;
use super::heif::{cicp, color_type, crop_rect, is_heif, orientation};
use super::{Decode, DecodeRequest, Decoded, DecodedPixels, Header, PixelForm, ReadOptions, Reader, Source};
use crate::error::brief;
use crate::pixels::decoded_avif::pixels_to_image;
use crate::pixels::ycbcr::YCbCr;
use crate::{Error, Format};

impl Format {
    /// HEIC. Of several images, the primary image is read. Of a sequence without a primary image, the first frame is read.
    pub const HEIC: Self = Self { name: "HEIC", extensions: &["heic", "heif", "hif"] };
}

pub(crate) const READER: Reader = Reader { format: Format::HEIC, recognize: is_heif, open };

/// The auxiliary types of an alpha image (ISO/IEC 23008-12, 6.5.8 and B.2.2.1.2).
const ALPHA_TYPES: [&str; 2] = ["urn:mpeg:hevc:2015:auxid:1", "urn:mpeg:mpegB:cicp:systems:auxiliary:alpha"];

/// Bytes per pixel that heifer allocates while it puts an image together: two images with four samples of 16 bits per
/// pixel, and the picture that it decodes.
const COMPOSITION_BYTES_PER_PIXEL: u64 = 2 * 8 + tiles::BYTES_PER_DECODED_PIXEL;

/// A HEIC whose boxes were read.
enum HeicFile<'bytes> {
    Tiled {
        color: Tiles<'bytes>,
        alpha: Option<AlphaImage<'bytes>>,
        code_points: Cicp,
        /// The visible rectangle: left, top, width, height.
        crop: [u32; 4],
    },
    /// heifer puts the image together, crops it and rotates it.
    Composed { bytes: &'bytes [u8], shape: Shape },
}

struct AlphaImage<'bytes> {
    tiles: Tiles<'bytes>,
    has_full_range: bool,
    /// Whether the colors are multiplied by alpha.
    is_premultiplied: bool,
}

fn open<'bytes>(bytes: &'bytes [u8], _: &ReadOptions<'_>) -> Result<Source<'bytes>, Error> {
    boxes::check_lists(bytes)?;
    let file = match HeifFile::parse(bytes) {
        Ok(file) => Arc::new(file),
        Err(error) => match sequence::read(bytes)? {
            Some(frame) => return open_sequence(frame),
            None => return Err(from_heifer_error(error.into())),
        },
    };
    let primary = file.primary_id;
    let transforms = Transforms::read(properties(&file, primary)?);
    let tiles = Tiles::open(&file, primary, bytes.len())?;
    let (mut header, image) = match (tiles, transforms) {
        (Some(color), Some(transforms)) => {
            let (mut header, image) = open_tiled(&file, color, transforms, bytes.len())?;
            header.orientation = orientation(transforms.orientation);
            (header, image)
        }
        _ => open_composed(&file, bytes)?,
    };
    header.icc = file.icc_profile(primary).map_err(|error| from_heifer_error(error.into()))?.map(<[u8]>::to_vec);
    header.exif = file.exif(primary).unwrap_or(Some(vec![]));
    header.xmp = file.xmp(primary).unwrap_or(Some(vec![]));
    header.gain_map = gain_map::find(&file, transforms.unwrap_or_default(), header.exif.as_deref(), bytes.len());
    header.cost.file_copies = 3;
    header.notes.extend(note_other_images(&file));
    Ok(Source { format: Format::HEIC, header, decoder: Box::new(image) })
}

fn open_sequence<'bytes>(frame: sequence::FirstFrame) -> Result<Source<'bytes>, Error> {
    let frames = frame.frames;
    let color = Tiles::from_frame(frame)?;
    let code_points = color::stream_code_points(&color.config);
    let (mut header, image) = tiled(color, None, code_points, None);
    header.cost.file_copies = 3;
    if frames > 1 {
        header.notes.push(format!("only the first of its {frames} frames was converted"));
    }
    Ok(Source { format: Format::HEIC, header, decoder: Box::new(image) })
}

fn open_tiled<'bytes>(
    file: &Arc<HeifFile<'bytes>>,
    color: Tiles<'bytes>,
    transforms: Transforms,
    bytes: usize,
) -> Result<(Header<'bytes>, HeicFile<'bytes>), Error> {
    let primary = file.primary_id;
    let alpha = find_alpha(file, primary)
        .map(|item| {
            let tiles = Tiles::open(file, item, bytes)?;
            let tiles = tiles.ok_or_else(|| unsupported("its alpha image is derived from other images"))?;
            let has_full_range = color::code_points(file, &tiles.items, &tiles.config).full_range;
            let is_premultiplied = file.referenced_items(primary, b"prem").contains(&item);
            Ok::<_, Error>(AlphaImage { tiles, has_full_range, is_premultiplied })
        })
        .transpose()?;
    let code_points = color::code_points(file, &color.items, &color.config);
    Ok(tiled(color, alpha, code_points, Some(transforms)))
}

fn tiled<'bytes>(
    color: Tiles<'bytes>,
    alpha: Option<AlphaImage<'bytes>>,
    code_points: Cicp,
    transforms: Option<Transforms>,
) -> (Header<'bytes>, HeicFile<'bytes>) {
    let shape = color.shape;
    let size = (shape.width, shape.height);
    let aperture = transforms.and_then(|transforms| transforms.aperture);
    let crop = aperture.and_then(|aperture| crop_rect(aperture, size)).unwrap_or([0, 0, size.0, size.1]);
    let mut header = Header::new((crop[2], crop[3]), color_type(shape, alpha.is_some()));
    header.cicp = cicp(code_points);
    // The planes are in memory twice: here, and in libavif while they are converted to RGB.
    let alpha_bytes = alpha.as_ref().map_or(0, |alpha| plane_bytes(alpha.tiles.shape) + plane_bytes(shape));
    let planes = plane_bytes(shape).saturating_mul(2).saturating_add(alpha_bytes);
    let decoding = color.decoding_bytes().max(alpha.as_ref().map_or(0, |alpha| alpha.tiles.decoding_bytes()));
    header.cost.decoding_bytes = planes.saturating_add(decoding);
    (header, HeicFile::Tiled { color, alpha, code_points, crop })
}

fn open_composed<'bytes>(
    file: &HeifFile<'_>,
    bytes: &'bytes [u8],
) -> Result<(Header<'bytes>, HeicFile<'bytes>), Error> {
    let mut inputs = Composition::default();
    let (width, height) = inputs.add(file, file.primary_id, 0)?;
    let depth = if inputs.is_deep { Depth::Twelve } else { Depth::Eight };
    let shape = Shape { width, height, depth, chroma: Chroma::Yuv444 };
    // An overlay may have transparent parts.
    let mut header = Header::new((width, height), color_type(shape, true));
    header.cicp = inputs.code_points.and_then(cicp);
    header.cost.decoding_bytes = inputs.pixels.saturating_mul(COMPOSITION_BYTES_PER_PIXEL);
    Ok((header, HeicFile::Composed { bytes, shape }))
}

/// The images that an image is put together from.
#[derive(Default)]
struct Composition {
    /// The number of pixels of all images.
    pixels: u64,
    is_deep: bool,
    code_points: Option<Cicp>,
    items: usize,
}

impl Composition {
    /// The limits on the number of images, and on how often an image is derived from another one.
    const MAX_ITEMS: usize = 256;
    const MAX_DEPTH: usize = 4;

    /// Adds an image and its inputs. Returns the width and height of the image after its crop and rotation.
    fn add(&mut self, file: &HeifFile<'_>, item: ItemId, depth: usize) -> Result<(u32, u32), Error> {
        self.items += 1;
        if depth > Self::MAX_DEPTH || self.items > Self::MAX_ITEMS {
            return Err(unsupported("an image that is put together from too many images"));
        }
        let error = |error: heifer::heifer_isobmff::Error| from_heifer_error(error.into());
        let kind = file.item(item).map_err(error)?.item_type;
        let inputs = if is_image_item(kind) { file.referenced_items(item, b"dimg") } else { &[] };
        let mut size = file.image_size(item).map_err(error)?;
        for &input in inputs {
            let input = self.add(file, input, depth + 1)?;
            if kind.0 == *b"iden" {
                size = Some(input);
            }
        }
        if kind.0 == *b"grid" {
            let grid = file.grid(item).map_err(error)?;
            size = Some((grid.output_width, grid.output_height));
        }
        if let Some(config) = file.hevc_config(item).map_err(error)? {
            self.is_deep |= config.bit_depth_luma.max(config.bit_depth_chroma) > 8;
            if self.code_points.is_none() {
                self.code_points = Some(color::code_points(file, &[item], config));
            }
        }
        let (mut width, mut height) = size.ok_or_else(|| damaged("its box `ispe` is missing"))?;
        self.pixels = self.pixels.saturating_add(u64::from(width) * u64::from(height));
        for property in properties(file, item)? {
            match *property {
                Property::CleanAperture { width: w, height: h, .. } => {
                    (width, height) = (visible_side(w, width), visible_side(h, height));
                }
                Property::Rotation(1 | 3) => (width, height) = (height, width),
                _ => {}
            }
        }
        Ok((width, height))
    }
}

/// Returns the length of a side after a crop, as heifer rounds it.
fn visible_side((over, under): (u32, u32), side: u32) -> u32 {
    let (over, under) = (u64::from(over), u64::from(under.max(1)));
    u32::try_from((2 * over + under) / (2 * under)).unwrap_or(side).min(side)
}

fn properties<'file>(file: &'file HeifFile<'_>, item: ItemId) -> Result<impl Iterator<Item = &'file Property>, Error> {
    file.item_properties(item).map_err(|error| from_heifer_error(error.into()))
}

fn find_alpha(file: &HeifFile<'_>, item: ItemId) -> Option<ItemId> {
    let is_alpha =
        |property: &Property| matches!(property, Property::AuxiliaryType(name) if ALPHA_TYPES.contains(&name.as_str()));
    let mut auxiliary = file.referencing_items(item, b"auxl").into_iter();
    auxiliary.find(|&item| file.item_properties(item).is_ok_and(|mut properties| properties.any(is_alpha)))
}

/// Returns a note if the file contains other images that a viewer may show: a burst, or the second view of a spatial
/// photo. Thumbnails, auxiliary images and tiles are not such images.
fn note_other_images(file: &HeifFile<'_>) -> Option<String> {
    let mut is_part: Vec<ItemId> = vec![];
    for reference in &file.references {
        match &reference.ref_type.0 {
            b"dimg" => is_part.extend(&reference.to),
            b"thmb" | b"auxl" => is_part.push(reference.from),
            _ => {}
        }
    }
    is_part.sort_unstable();
    let is_shown = |item: ItemId| item == file.primary_id || is_part.binary_search(&item).is_err();
    let images = file.items.iter().filter(|item| !item.hidden && is_image_item(item.item_type) && is_shown(item.id));
    let count = images.count();
    (count > 1).then(|| format!("only the primary image of its {count} images was converted"))
}

impl Decode for HeicFile<'_> {
    fn decode(self: Box<Self>, request: &DecodeRequest) -> Result<Decoded, Error> {
        match *self {
            Self::Composed { bytes, shape } => decode_composed(bytes, shape).map(Decoded::from),
            Self::Tiled { color, alpha, code_points, crop } => {
                let planes = color.decode()?;
                let shape = color.shape;
                let is_whole = crop == [0, 0, shape.width, shape.height];
                if request.form == PixelForm::Planes && is_whole && alpha.is_none() && is_jfif(shape, code_points) {
                    return to_ycbcr(shape, planes).map(|planes| DecodedPixels::Planar(planes).into());
                }
                let is_premultiplied = alpha.as_ref().is_some_and(|alpha| alpha.is_premultiplied);
                let alpha = alpha.map(|alpha| alpha.decode(shape)).transpose()?;
                let color = Color { cicp: code_points, icc: None };
                let image = to_image(shape, planes, alpha, is_premultiplied, color)?;
                let image = image.ok_or_else(|| damaged("some of its pixels are missing"))?;
                let [left, top, width, height] = crop;
                Ok(if is_whole { image } else { image.crop_imm(left, top, width, height) }.into())
            }
        }
    }
}

/// Whether the planes are those of a JPEG, as [`YCbCr`] contains them. An unspecified matrix is BT.601 (ISO/IEC 23000-22,
/// 7.3.6.4).
fn is_jfif(shape: Shape, Cicp { matrix, full_range, .. }: Cicp) -> bool {
    (shape.depth, shape.chroma) == (Depth::Eight, Chroma::Yuv420) && full_range && matches!(matrix, 2 | 5 | 6)
}

fn to_ycbcr(shape: Shape, planes: Vec<Samples>) -> Result<YCbCr, Error> {
    let planes = <[Samples; 3]>::try_from(planes).ok().and_then(|planes| match planes {
        [Samples::U8(luma), Samples::U8(cb), Samples::U8(cr)] => YCbCr::new(shape.width, shape.height, luma, [cb, cr]),
        _ => None,
    });
    planes.ok_or_else(|| damaged("some of its pixels are missing"))
}

/// Converts planes to pixels. Returns `None` if pixels are missing.
fn to_image(
    shape: Shape,
    planes: Vec<Samples>,
    alpha: Option<Samples>,
    is_premultiplied: bool,
    color: Color,
) -> Result<Option<DynamicImage>, Error> {
    let (matrix, has_alpha) = (color.cicp.matrix, alpha.is_some());
    let image = PlanarImage::new(shape, planes, alpha, color).map_err(|error| damaged(&error.to_string()))?;
    let (attachments, orientation) = (Attachments::default(), avif::Orientation::default());
    let pixels = DecodedFile { image, is_premultiplied, attachments, orientation, frames: 1 }
        .pixels()
        .map_err(|error| unsupported(&format!("matrix {matrix}: {error}")))?;
    Ok(pixels_to_image(pixels, shape, has_alpha))
}

impl AlphaImage<'_> {
    /// Decodes the alpha plane, with the size and depth of the color planes.
    fn decode(&self, color: Shape) -> Result<Samples, Error> {
        let Shape { width, height, depth, .. } = self.tiles.shape;
        let luma = self.tiles.decode()?.into_iter().next().ok_or_else(|| damaged("its alpha image has no pixels"))?;
        let from = if self.has_full_range {
            (0, (1 << depth.bits()) - 1)
        } else {
            (16 << (depth.bits() - 8), 235 << (depth.bits() - 8))
        };
        let is_same_size = (width, height) == (color.width, color.height);
        let (low, high) = from;
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

/// Decodes an image that heifer puts together. `shape` was estimated from the boxes.
fn decode_composed(bytes: &[u8], shape: Shape) -> Result<DynamicImage, Error> {
    let options = heifer::Options { max_threads: 0, max_pixels: 0 };
    let Shape { width, height, .. } = shape;
    let mismatch = || damaged("its decoded size differs from the declared size");
    let (image, has_alpha) = if shape.depth == Depth::Eight {
        let image = heifer::decode_rgba8(bytes, &options).map_err(from_heifer_error)?;
        let has_alpha = image.has_alpha;
        let image = ((image.width, image.height) == (width, height))
            .then(|| ImageBuffer::from_raw(width, height, image.data).map(DynamicImage::ImageRgba8));
        (image.flatten().ok_or_else(mismatch)?, has_alpha)
    } else {
        let mut image = heifer::decode_with_options(bytes, &options).map_err(from_heifer_error)?;
        let max = (1_u32 << image.bit_depth.min(16)) - 1;
        for sample in &mut image.data {
            *sample = u16::try_from((u32::from(*sample) * 65_535 + max / 2) / max).unwrap_or(u16::MAX);
        }
        let has_alpha = image.has_alpha;
        let image = ((image.width, image.height) == (width, height))
            .then(|| ImageBuffer::from_raw(width, height, image.data).map(DynamicImage::ImageRgba16));
        (image.flatten().ok_or_else(mismatch)?, has_alpha)
    };
    Ok(match image {
        DynamicImage::ImageRgba8(_) if !has_alpha => image.into_rgb8().into(),
        DynamicImage::ImageRgba16(_) if !has_alpha => image.into_rgb16().into(),
        image => image,
    })
}

/// The number of bytes of all planes.
fn plane_bytes(shape: Shape) -> u64 {
    let samples = |plane| {
        let (width, height) = shape.plane_size(plane);
        u64::from(width) * u64::from(height)
    };
    let bytes = if shape.depth == Depth::Eight { 1 } else { 2 };
    (0..shape.chroma.planes()).map(samples).fold(0, u64::saturating_add).saturating_mul(bytes)
}

fn from_heifer_error(error: heifer::Error) -> Error {
    let message = error.to_string();
    let is_unsupported = match error {
        heifer::Error::Unsupported(_) => true,
        heifer::Error::Container(error) => matches!(error, heifer::heifer_isobmff::Error::Unimplemented(_)),
        heifer::Error::Hevc(error) => matches!(error, heifer::heifer_hevc_dec::Error::Unimplemented(_)),
        _ => false,
    };
    if is_unsupported { unsupported(&message) } else { damaged(&message) }
}

fn from_box_error(error: avif::boxes::BoxError) -> Error {
    damaged(&error.to_string())
}

fn damaged(message: &str) -> Error {
    Error::Damaged { format: Format::HEIC, message: brief(message) }
}

fn unsupported(message: &str) -> Error {
    Error::Unsupported { format: Format::HEIC, message: brief(message) }
}

#[cfg(test)]
mod tests {
    use model::{Limits, Recipe};

    use super::*;
    use crate::OpenedImage;

    #[test]
    fn stored_samples_reach_the_encoder_unchanged() {
        let bytes = include_bytes!("../../../tests/it/heic/color.heic");
        let file = Arc::new(HeifFile::parse(bytes).unwrap());
        let stored = Tiles::open(&file, file.primary_id, bytes.len()).unwrap().unwrap().decode().unwrap();
        for (widths, quality, is_unchanged) in [("full", "60", true), ("full,50", "60", true), ("full", "100", false)] {
            let recipe =
                Recipe { widths: widths.parse().unwrap(), quality: quality.parse().unwrap(), ..Recipe::default() };
            let image = OpenedImage::open(bytes, &recipe, &Limits::default()).unwrap().decode().unwrap();
            let encoded = image.transform().unwrap();
            assert_eq!(encoded.renditions[0].planar.planes() == stored, is_unchanged, "{widths}, {quality}");
        }
    }
}
