//! The boxes of an AVIF (ISO/IEC 14496-12, 4.2; ISO/IEC 23008-12).
//!
//! ```text
//! file -> MetaBox -> StillImage -+-> new file
//!      -> Movie -----------------+
//! ```
//!
//! This module reads the parts of an AVIF that are needed to show its image, and writes a new file from these parts.
//! The decoder reads only the new file. If it read the source file, it could interpret a box in a different way than
//! the checks in this module. The new file contains only known boxes. A file whose image needs an unknown box is
//! rejected.

mod decoding_cost;
mod derived;
mod media;
mod meta;
mod metadata;
mod property;
mod samples;
mod still;
mod track;
mod write;

pub(crate) use decoding_cost::{MAX_DECODED_PIXEL_RATIO, SMALL_IMAGE_PIXELS};

use avif::boxes::{BoxError, FileSlice, FourCc};
use media::MediaData;
use meta::MetaBox;
use model::{Metadata, Recipe};
use property::ProfileContext;
use still::StillReader;
use track::Movie;

use crate::error::brief;
use crate::read::heif::brands;
use crate::read::metadata::MetadataBlocks;
use crate::{Error, Format};

/// An AVIF that was read and rewritten.
pub(crate) struct Container {
    /// The new file, which contains the same image without metadata, or only with the metadata that
    /// [`Metadata::Copyright`] keeps.
    pub(crate) file: Vec<u8>,
    pub(crate) has_gain_map: bool,
    /// The Exif and XMP, if the recipe keeps any metadata or needs the regions in the XMP.
    pub(crate) metadata: MetadataBlocks,
    /// The number of samples of the color track and the alpha track.
    pub(crate) samples: usize,
    /// Notes about parts that were omitted.
    pub(crate) notes: Vec<String>,
}

/// Reads an AVIF, and Exif and XMP if the recipe needs them. Unless the recipe has [`Metadata::Keep`], removes the private tags of
/// the ICC profile.
///
/// # Errors
/// The error names the damaged box, or the unknown box that the image needs.
pub(crate) fn read(file: &[u8], recipe: &Recipe) -> Result<Container, Error> {
    let metadata = recipe.metadata;
    let brands = brands(file);
    let (meta, moov) = top_level_boxes(file)?;
    let mut notes = vec![];
    let mut media = MediaData::new(file);
    let mut profiles = ProfileContext { metadata, notes: &mut notes };
    let mut movie = moov.map(|moov| Movie::read(&moov, &mut media, &mut profiles)).transpose()?;
    let meta = meta.map(|meta| MetaBox::read(&meta)).transpose()?;
    let primary = meta.as_ref().and_then(|meta| Some((meta, meta.primary?)));
    let still = primary.map(|(meta, primary)| {
        StillReader::new(meta, &mut media, &mut profiles).read(primary, brands.contains(b"tmap"))
    });
    let mut still = still.transpose()?;
    let mut blocks = MetadataBlocks::default();
    if metadata != Metadata::Strip || recipe.has_crops() {
        match metadata::read(meta.as_ref(), movie.as_ref(), &mut media) {
            Ok(read) => blocks = read,
            // The image is converted even if its metadata cannot be read.
            Err(error) if metadata == Metadata::Strip => {
                notes.push(format!("its XMP was not searched for a focal point: {error}"));
            }
            Err(error) => {
                let from = if metadata == Metadata::Keep { " from narrower variants" } else { "" };
                notes.push(format!("its Exif and XMP were omitted{from}: {error}"));
            }
        }
    }
    if metadata == Metadata::Copyright {
        // The notes are those of the selection for the encoded variants.
        let kept = blocks.clone().select(metadata, &mut vec![]);
        for item in metadata::add_items(&kept, &mut media) {
            if let Some(movie) = &mut movie {
                movie.descriptions.push(item.clone());
            }
            if let Some(still) = &mut still {
                still.add_description(item);
            }
        }
    }
    let samples = movie.as_ref().map_or(0, Movie::samples);
    let has_gain_map = still.as_ref().is_some_and(|still| still.gain_map.is_some());
    let file = write::build_file(&brands, still.as_ref(), movie.as_ref(), &media.bytes)?;
    Ok(Container { file, has_gain_map, metadata: blocks, samples, notes })
}

/// Returns the contents of the boxes `meta` and `moov`. After one of these boxes, the file may contain data that is not
/// a box, because some cameras append such data.
fn top_level_boxes(file: &[u8]) -> Result<(Option<FileSlice<'_>>, Option<FileSlice<'_>>), Error> {
    let (mut meta, mut moov) = (None, None);
    for child in FileSlice::whole(file).child_boxes() {
        match child {
            Ok((name, part)) if name == *b"meta" => set_once(&mut meta, name, part)?,
            Ok((name, part)) if name == *b"moov" => set_once(&mut moov, name, part)?,
            Err(error) if meta.is_none() && moov.is_none() => return Err(error.into()),
            Ok(_) | Err(_) => {}
        }
    }
    Ok((meta, moov))
}

/// Sets the value of a box that may occur only once.
fn set_once<T>(place: &mut Option<T>, name: FourCc, value: T) -> Result<(), Error> {
    match place.replace(value) {
        None => Ok(()),
        Some(_) => Err(damaged(&format!("there are two boxes `{}`", name.escape_ascii()))),
    }
}

impl From<BoxError> for Error {
    fn from(error: BoxError) -> Self {
        damaged(&error.to_string())
    }
}

fn damaged(message: &str) -> Error {
    Error::Damaged { format: Format::AVIF, message: brief(message) }
}

fn unsupported(message: &str) -> Error {
    Error::Unsupported { format: Format::AVIF, message: brief(message) }
}
