//! Limits on a JPEG's segments, checked before a decoder reads the file, because decoders copy some segments without a
//! limit, and process the whole image for each scan.

use crate::read::jpeg::segments::{APP1, APP2, RST0, RST7, SOI, SOS, TEM, all_segments};
use crate::{Error, Format};

/// The numbers and sizes of a JPEG's segments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Structure {
    pub(crate) scans: u32,
    /// Bytes of the segments that decoders copy, including the overhead of each allocation.
    pub(crate) copied: u64,
    /// Whether any segment is part of an ICC profile.
    pub(crate) has_profile: bool,
}

/// The limit on scans. Encoders write about ten scans.
pub(crate) const MAX_SCANS: u32 = 64;
/// The limit on segments. Files of cameras and editors have up to several hundred segments.
const MAX_SEGMENTS: u32 = 100_000;
/// The limit on [`Structure::copied`]. A profile has at most 16 MiB, because its segments are numbered 1 to 255
/// (ICC.1:2022, B.4).
const MAX_COPIED: u64 = 32 << 20;
/// The limit on segments of extended XMP (an XMP packet above 64 KiB): 32 MiB. zune-jpeg reads all extended XMP
/// segments again for each additional segment.
const MAX_EXTENDED_XMP_SEGMENTS: u32 = 512;
/// The overhead of an allocation in bytes.
const ALLOCATION_OVERHEAD: u64 = 64;

impl Structure {
    /// Reads the segments of a file, and stops at the first limit that it exceeds.
    pub(crate) fn read(jpeg: &[u8]) -> Result<Self, Error> {
        let mut structure = Self { scans: 0, copied: 0, has_profile: false };
        let (mut segments, mut extended_xmp_segments) = (0, 0);
        for segment in all_segments(jpeg) {
            match segment.marker {
                RST0..=RST7 if structure.scans > 0 => continue,
                // Different decoders interpret the bytes after these markers in different ways, and no encoder writes
                // these markers.
                marker @ (TEM | RST0..=RST7 | SOI) => {
                    return Err(damaged(format!("a marker {marker:02X} out of place")));
                }
                SOS => structure.scans += 1,
                APP1 if segment.data.starts_with(b"http://ns.adobe.com/xmp/extension/\0") => {
                    extended_xmp_segments += 1;
                    structure.copied += segment.data.len() as u64 + ALLOCATION_OVERHEAD;
                }
                APP2 => {
                    structure.has_profile |= segment.data.starts_with(b"ICC_PROFILE\0");
                    structure.copied += segment.data.len() as u64 + ALLOCATION_OVERHEAD;
                }
                _ => {}
            }
            segments += 1;
            check_limit("scans", structure.scans, MAX_SCANS)?;
            check_limit("segments", segments, MAX_SEGMENTS)?;
            check_limit("segments of extended XMP", extended_xmp_segments, MAX_EXTENDED_XMP_SEGMENTS)?;
            if structure.copied > MAX_COPIED {
                return Err(damaged(format!(
                    "its first {segments} segments have over {} MiB of profiles and extended XMP, which is the limit",
                    MAX_COPIED >> 20
                )));
            }
        }
        Ok(structure)
    }
}

fn check_limit(name: &str, count: u32, limit: u32) -> Result<(), Error> {
    if count > limit { Err(damaged(format!("it has over {limit} {name}, which is the limit"))) } else { Ok(()) }
}

fn damaged(message: String) -> Error {
    Error::Damaged { format: Format::JPEG, message }
}
