//! What a JPEG's segments cost its decoders, found before they read them: they copy some segments of any number, and walk
//! over the whole picture for each scan.

use crate::segments::{APP1, APP2, RST0, RST7, SOI, SOS, TEM, all_segments};
use crate::{Error, Format};

/// What a JPEG's segments come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Structure {
    pub(crate) scans: u32,
    /// Bytes of the segments that are copied.
    pub(crate) copied: u64,
    /// Whether any of them is part of an ICC profile.
    pub(crate) has_profile: bool,
}

/// Encoders write about ten scans.
pub(crate) const MOST_SCANS: u32 = 64;
/// Files of cameras and editors have up to some hundred segments.
const MOST_SEGMENTS: u32 = 100_000;
/// A profile ends at 16 MiB, since its segments are numbered from 1 to 255 (ICC.1:2022, B.4).
const MOST_COPIED: u64 = 32 << 20;
/// Of an XMP packet of more than 64 KiB: 32 MiB. For each further segment, zune-jpeg walks over all of these.
const MOST_OF_XMP: u32 = 512;
/// What an allocation costs beside its bytes.
const ALLOCATION: u64 = 64;

impl Structure {
    /// Reads it off a file, up to its end or to the first limit that it is over.
    pub(crate) fn of(jpeg: &[u8]) -> Result<Self, Error> {
        let mut structure = Self { scans: 0, copied: 0, has_profile: false };
        let (mut segments, mut of_xmp) = (0, 0);
        for segment in all_segments(jpeg) {
            match segment.marker {
                RST0..=RST7 if structure.scans > 0 => continue,
                // Decoders do not agree on what follows these, and no encoder writes them.
                marker @ (TEM | RST0..=RST7 | SOI) => {
                    return Err(damaged(format!("a marker {marker:02X} out of place")));
                }
                SOS => structure.scans += 1,
                APP1 if segment.data.starts_with(b"http://ns.adobe.com/xmp/extension/\0") => {
                    of_xmp += 1;
                    structure.copied += segment.data.len() as u64 + ALLOCATION;
                }
                APP2 => {
                    structure.has_profile |= segment.data.starts_with(b"ICC_PROFILE\0");
                    structure.copied += segment.data.len() as u64 + ALLOCATION;
                }
                _ => {}
            }
            segments += 1;
            over("scans", structure.scans, MOST_SCANS)?;
            over("segments", segments, MOST_SEGMENTS)?;
            over("segments of extended XMP", of_xmp, MOST_OF_XMP)?;
            if structure.copied > MOST_COPIED {
                return Err(damaged(format!(
                    "its first {segments} segments have over {} MiB of profiles and extended XMP, which is the limit",
                    MOST_COPIED >> 20
                )));
            }
        }
        Ok(structure)
    }
}

fn over(what: &str, count: u32, limit: u32) -> Result<(), Error> {
    if count > limit { Err(damaged(format!("it has over {limit} {what}, which is the limit"))) } else { Ok(()) }
}

fn damaged(message: String) -> Error {
    Error::Damaged { format: Format::Jpeg, message }
}
