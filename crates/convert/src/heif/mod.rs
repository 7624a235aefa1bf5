//! The boxes around an AVIF's images (ISO/IEC 14496-12, 4.2; ISO/IEC 23008-12).
//!
//! ```text
//! file -> Meta  -> Still -+-> new file
//!      -> Movie ----------+
//! ```
//!
//! An AVIF is read into what its image needs, and written anew from that. The decoder reads only the
//! new file, so it cannot read a box differently than it was checked here. The new file contains only boxes that are
//! understood. An image that needs any other box is an error.

mod boxes;
mod claim;
mod derived;
mod media;
mod meta;
mod metadata;
mod property;
mod samples;
mod still;
mod track;
mod write;

pub(crate) use claim::{MOST_PIXELS, SMALL};

use avif::Attachments;
use boxes::{Name, Part};
use media::Media;
use meta::Meta;
use model::Metadata;
use property::Profiles;
use still::StillReader;
use track::Movie;

use crate::error::brief;
use crate::{Error, Format};

/// An AVIF that was read.
pub(crate) struct Container {
    /// The file written anew: the same image, without metadata.
    pub(crate) file: Vec<u8>,
    pub(crate) has_gain_map: bool,
    /// Exif and XMP, where they are kept.
    pub(crate) attachments: Attachments,
    /// Samples of all tracks.
    pub(crate) samples: usize,
    /// What was left out and is missed.
    pub(crate) notes: Vec<String>,
}

/// The brands that a file claims in its first box, if that is an `ftyp`: the major one, then those it is compatible with.
pub(crate) fn brands(file: &[u8]) -> Vec<[u8; 4]> {
    match Part::whole(file).children().next() {
        Some(Ok((name, content))) if name == *b"ftyp" => {
            // Between the first and the others stands a version.
            let brands = content.bytes().as_chunks().0.iter().enumerate().filter(|(index, _)| *index != 1);
            brands.map(|(_, brand)| *brand).collect()
        }
        _ => vec![],
    }
}

/// Reads an AVIF. Exif and XMP are looked for only where they are kept; otherwise the ICC profile loses its private tags.
///
/// # Errors
/// The box that is damaged, or that is not understood and needed.
pub(crate) fn read(file: &[u8], metadata: Metadata) -> Result<Container, Error> {
    let brands = brands(file);
    let (meta, moov) = top_level(file)?;
    let mut notes = vec![];
    let mut media = Media::new(file);
    let mut profiles = Profiles { metadata, notes: &mut notes };
    let movie = moov.map(|moov| Movie::read(&moov, &mut media, &mut profiles)).transpose()?;
    let meta = meta.map(|meta| Meta::read(&meta)).transpose()?;
    let primary = meta.as_ref().and_then(|meta| Some((meta, meta.primary?)));
    let still = primary.map(|(meta, primary)| {
        StillReader::new(meta, &mut media, &mut profiles).read(primary, brands.contains(b"tmap"))
    });
    let still = still.transpose()?;
    let attachments = match metadata {
        Metadata::Strip => Attachments::default(),
        // Metadata that cannot be read is no reason to lose the image.
        Metadata::Keep => metadata::read(meta.as_ref(), movie.as_ref(), &mut media).unwrap_or_else(|error| {
            notes.push(format!("its Exif and XMP were left out of narrower variants: {error}"));
            Attachments::default()
        }),
    };
    let samples = movie.as_ref().map_or(0, Movie::samples);
    let has_gain_map = still.as_ref().is_some_and(|still| still.gain_map.is_some());
    let file = write::file(&brands, still.as_ref(), movie.as_ref(), &media.bytes)?;
    Ok(Container { file, has_gain_map, attachments, samples, notes })
}

/// The contents of the boxes `meta` and `moov`. Where one of them was found, bytes behind it need not be boxes: some
/// cameras append data.
fn top_level(file: &[u8]) -> Result<(Option<Part<'_>>, Option<Part<'_>>), Error> {
    let (mut meta, mut moov) = (None, None);
    for child in Part::whole(file).children() {
        match child {
            Ok((name, part)) if name == *b"meta" => once(&mut meta, name, part)?,
            Ok((name, part)) if name == *b"moov" => once(&mut moov, name, part)?,
            Err(error) if meta.is_none() && moov.is_none() => return Err(error),
            Ok(_) | Err(_) => {}
        }
    }
    Ok((meta, moov))
}

/// Sets what a box may say only once.
fn once<T>(place: &mut Option<T>, name: Name, value: T) -> Result<(), Error> {
    match place.replace(value) {
        None => Ok(()),
        Some(_) => Err(damaged(&format!("two boxes `{}` where one belongs", name.escape_ascii()))),
    }
}

fn damaged(message: &str) -> Error {
    Error::Damaged { format: Format::Avif, message: brief(message) }
}

fn unsupported(message: &str) -> Error {
    Error::Unsupported { format: Format::Avif, message: brief(message) }
}
