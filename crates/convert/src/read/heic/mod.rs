//! HEIC: HEIF files whose images are coded as HEVC (ISO/IEC 23008-12), as phones write them. heifer-isobmff reads the boxes,
//! and heifer-hevc-dec decodes the pictures.
//!
//! Phones divide a photo into tiles, which are separate pictures. [`pictures`] decodes them to luma and chroma, so that an
//! AVIF can contain the stored samples.

mod boxes;
mod color;
mod gain_map;
mod hevc;
mod image;
mod pictures;
mod sequence;
mod transforms;

use std::borrow::Cow;
use std::sync::Arc;

use heifer_isobmff::{HeifFile, ItemId, is_image_item};
use model::{Chroma, Cicp, Depth, Samples, Shape};

use self::image::{CodedImage, Content, ImageReader, StoredImage};
use self::pictures::Pictures;
use self::transforms::Transforms;
use super::heif::{cicp, color_type, is_heif, orientation};
use super::{Decode, DecodeRequest, Decoded, DecodedPixels, Header, PixelForm, ReadOptions, Reader, Source};
use crate::error::brief;
use crate::pixels::ycbcr::YCbCr;
use crate::{Error, Format};

impl Format {
    /// HEIC. Of several images, the primary image is read. Of a sequence without a primary image, the first frame is read.
    pub const HEIC: Self = Self { name: "HEIC", extensions: &["heic", "heif", "hif"] };
}

pub(crate) const READER: Reader = Reader { format: Format::HEIC, recognize: is_heif, open };

/// The maximum number of items from which the primary image is derived that are searched for a color profile.
const MAX_PROFILE_ITEMS: usize = 4;

fn open<'bytes>(bytes: &'bytes [u8], _: &ReadOptions<'_>) -> Result<Source<'bytes>, Error> {
    boxes::check_lists(bytes)?;
    let file = match HeifFile::parse(bytes) {
        Ok(file) => Arc::new(file),
        Err(error) => match sequence::read(bytes)? {
            Some(frame) => return open_sequence(frame),
            None => return Err(from_box_reader(error)),
        },
    };
    let primary = file.primary_id;
    let image = ImageReader { file: Arc::clone(&file), bytes: bytes.len(), images: 0 }.read(primary, 0)?;
    let mut header = header_of(&image);
    header.icc = color::profile(&file, &derivation(&file, primary));
    header.exif = describing_item(&file, primary, |kind, _| kind == b"Exif").map(|item| read_exif(&file, item));
    header.xmp = describing_item(&file, primary, |kind, content_type| {
        kind == b"mime" && content_type == Some("application/rdf+xml")
    })
    .map(|item| file.item_data(item).map(Cow::into_owned).unwrap_or_default());
    header.gain_map = gain_map::find(&file, &image, header.exif.as_deref(), bytes.len());
    header.notes.extend(note_other_images(&file));
    Ok(Source { format: Format::HEIC, header, decoder: Box::new(HeicFile { image }) })
}

fn open_sequence(frame: sequence::FirstFrame<'_>) -> Result<Source<'_>, Error> {
    let frames = frame.frames;
    let content = Content::Coded(CodedImage { color: Pictures::from_frame(frame)?, alpha: None });
    let image = StoredImage { content, transforms: Transforms::default() };
    let mut header = header_of(&image);
    if frames > 1 {
        header.notes.push(format!("only the first of its {frames} frames was converted"));
    }
    Ok(Source { format: Format::HEIC, header, decoder: Box::new(HeicFile { image }) })
}

fn header_of<'bytes>(image: &StoredImage<'bytes>) -> Header<'bytes> {
    let [_, _, width, height] = image.crop();
    let (shape, has_alpha) = image.shape();
    let mut header = Header::new((width, height), color_type(shape, has_alpha));
    header.orientation = orientation(image.transforms.orientation);
    header.cicp = image.first_coded().and_then(|coded| cicp(coded.color.code_points));
    header.cost.decoding_bytes = image.decoding_bytes();
    // The copies are the file, and the pictures without emulation prevention bytes.
    header.cost.file_copies = 3;
    header
}

/// Returns the primary image, the first image from which it is derived, and so on.
fn derivation(file: &HeifFile<'_>, primary: ItemId) -> Vec<ItemId> {
    let source = |item: &ItemId| file.referenced_items(*item, b"dimg").first().copied();
    std::iter::successors(Some(primary), source).take(MAX_PROFILE_ITEMS).collect()
}

/// Returns the first item of a kind that describes the image, or else its first tile.
fn describing_item(
    file: &HeifFile<'_>,
    image: ItemId,
    is_wanted: impl Fn(&[u8; 4], Option<&str>) -> bool,
) -> Option<ItemId> {
    derivation(file, image).into_iter().take(2).find_map(|image| {
        let mut items = file.referencing_items(image, b"cdsc").into_iter();
        items.find(|&item| file.item(item).is_ok_and(|item| is_wanted(&item.item_type.0, item.content_type.as_deref())))
    })
}

/// Reads Exif. Returns no bytes if it cannot be read. The data begins with the position of the TIFF header (ISO/IEC 23008-12,
/// A.2.1). Some writers keep the identifier of a JPEG segment.
fn read_exif(file: &HeifFile<'_>, item: ItemId) -> Vec<u8> {
    let data = file.item_data(item).unwrap_or_default();
    let tiff = data.split_first_chunk().and_then(|(start, rest)| {
        let rest = rest.get(usize::try_from(u32::from_be_bytes(*start)).ok()?..)?;
        let tiff = rest.strip_prefix(b"Exif\0\0").unwrap_or(rest);
        (tiff.starts_with(b"II*\0") || tiff.starts_with(b"MM\0*")).then(|| tiff.to_vec())
    });
    tiff.unwrap_or_default()
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

/// A HEIC whose boxes were read.
struct HeicFile<'bytes> {
    image: StoredImage<'bytes>,
}

impl Decode for HeicFile<'_> {
    fn decode(self: Box<Self>, request: &DecodeRequest) -> Result<Decoded, Error> {
        match &self.image {
            StoredImage { content: Content::Coded(coded), transforms }
                if request.form == PixelForm::Planes
                    && transforms.aperture.is_none()
                    && coded.alpha.is_none()
                    && is_jfif(coded.color.shape, coded.color.code_points) =>
            {
                to_ycbcr(coded.color.shape, coded.color.decode()?).map(|planes| DecodedPixels::Planar(planes).into())
            }
            image => image.decode_cropped().map(Decoded::from),
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

fn from_box_reader(error: heifer_isobmff::Error) -> Error {
    match error {
        heifer_isobmff::Error::Unimplemented(_) => unsupported(&error.to_string()),
        error => damaged(&error.to_string()),
    }
}

fn from_decoder(error: heifer_hevc_dec::Error) -> Error {
    match error {
        heifer_hevc_dec::Error::Unimplemented(_) => unsupported(&error.to_string()),
        error => damaged(&error.to_string()),
    }
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
        let stored = Pictures::open(&file, file.primary_id, bytes.len()).unwrap().decode().unwrap();
        for (widths, quality, is_unchanged) in [("full", "60", true), ("full,50", "60", true), ("full", "100", false)] {
            let recipe =
                Recipe { sizes: widths.parse().unwrap(), quality: quality.parse().unwrap(), ..Recipe::default() };
            let image = OpenedImage::open(bytes, &recipe, &Limits::default()).unwrap().decode().unwrap();
            let encoded = image.transform().unwrap();
            assert_eq!(encoded.renditions[0].planar.planes() == stored, is_unchanged, "{widths}, {quality}");
        }
    }
}
