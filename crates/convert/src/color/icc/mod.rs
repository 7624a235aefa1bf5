//! ICC profiles: which profile can be copied to an AVIF, and which of its parts are private.
//!
//! Chromium ignores a damaged profile of a JPEG or PNG. It shows no part of an AVIF with the same profile. Therefore, a
//! profile is copied only if skcms (Chromium), lcms2 and moxcms can use it.

mod elements;
mod private_tags;

use std::sync::Arc;

use moxcms::{ColorProfile, DataColorSpace, Layout, Transform16BitExecutor, TransformOptions};

use self::elements::Direction;

/// The length of a profile's header in bytes (ICC.1:2022, 7.2). The number of tags follows the header.
const HEADER_BYTES: usize = 128;
/// The maximum length of a profile in bytes. The largest profiles in use have 4 MiB.
const MAX_BYTES: usize = 4 << 20;
/// The maximum number of tags. lcms2 rejects profiles with more tags.
const MAX_TAGS: usize = 100;
/// The minimum determinant of the matrix from RGB to XYZ. For comparison, the determinant of sRGB is 0.16. If it is 0,
/// different pixels have the same color.
const MIN_DETERMINANT: f32 = 0.001;
/// The illuminant D50, which the header of every profile must contain (7.2.16), and the tolerance of skcms.
const D50: [f32; 3] = [0.9642, 1.0, 0.8249];
const D50_TOLERANCE: f32 = 0.01;

/// A profile for RGB or gray pixels that readers can use.
pub(crate) struct IccProfile {
    /// The profile without private tags.
    pub(crate) public: Vec<u8>,
    pub(crate) channels: ProfileChannels,
    pub(crate) colors: ColorProfile,
}

/// The color channels that a profile is for (7.2.6).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ProfileChannels {
    Rgb,
    Gray,
}

/// Why a profile cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ProfileProblem {
    /// At least one of the readers cannot use it.
    Damaged,
    /// It is for neither RGB nor gray pixels.
    OtherChannels,
}

impl IccProfile {
    /// Reads a profile.
    ///
    /// # Errors
    /// The first problem of the profile.
    pub(crate) fn read(icc: &[u8]) -> Result<Self, ProfileProblem> {
        let channels = match (icc.get(36..40), icc.get(16..20)) {
            (Some(b"acsp"), Some(b"RGB ")) => ProfileChannels::Rgb,
            (Some(b"acsp"), Some(b"GRAY")) => ProfileChannels::Gray,
            (Some(b"acsp"), Some(_)) => return Err(ProfileProblem::OtherChannels),
            _ => return Err(ProfileProblem::Damaged),
        };
        let read = || {
            let tags = Tags::read(icc).filter(|tags| tags.are_usable(channels))?;
            let public = private_tags::without_private_tags(icc)?;
            // moxcms also rejects profiles with unusual texts. The copy without private tags has neutral texts.
            let mut colors = ColorProfile::new_from_slice(&public).ok()?;
            // Without lookup tables, skcms and lcms2 compute XYZ, whatever the header declares. With another connection
            // space, moxcms would compute wrong colors.
            if !tags.has_lookup_table() {
                colors.pcs = DataColorSpace::Xyz;
            }
            Some(Self { public, channels, colors })
        };
        let profile = read().ok_or(ProfileProblem::Damaged)?;
        profile.transform_to(&ColorProfile::new_srgb()).ok_or(ProfileProblem::Damaged)?;
        Ok(profile)
    }

    /// Returns the transform to RGB pixels of 16 bits in another color space. `None` if moxcms cannot create it.
    pub(crate) fn transform_to(&self, target: &ColorProfile) -> Option<Arc<Transform16BitExecutor>> {
        let layout = match self.channels {
            ProfileChannels::Rgb => Layout::Rgb,
            ProfileChannels::Gray => Layout::Gray,
        };
        self.colors.create_transform_16bit(layout, target, Layout::Rgb, transform_options(&self.colors)).ok()
    }
}

/// Returns the options of a transform from this profile, with the rendering intent of the profile.
pub(crate) fn transform_options(source: &ColorProfile) -> TransformOptions {
    // The fixed-point numbers of moxcms have 13 bits after the point. That is too coarse for 16-bit samples.
    TransformOptions { rendering_intent: source.rendering_intent, prefer_fixed_point: false, ..Default::default() }
}

/// The tags of a profile whose header was checked.
struct Tags<'icc> {
    tags: Vec<Tag<'icc>>,
}

struct Tag<'icc> {
    name: [u8; 4],
    data: &'icc [u8],
    /// The number of bytes of the profile that follow the data.
    bytes_after: usize,
}

impl<'icc> Tags<'icc> {
    /// Checks the header and the bounds of every tag (7.2 and 7.3). Elements may overlap.
    fn read(icc: &'icc [u8]) -> Option<Self> {
        let length = usize::try_from(number(icc, 0)?).ok().filter(|length| *length <= icc.len().min(MAX_BYTES))?;
        let has_version = *icc.get(8)? <= 4;
        let has_class = matches!(icc.get(12..16)?, b"scnr" | b"mntr" | b"prtr" | b"spac");
        let has_connection_space = matches!(icc.get(20..24)?, b"XYZ " | b"Lab ");
        let illuminant = elements::xyz(&[b"XYZ \0\0\0\0", icc.get(68..80)?].concat())?;
        let has_illuminant = illuminant.iter().zip(D50).all(|(value, d50)| (value - d50).abs() <= D50_TOLERANCE);
        if !(has_version && has_class && has_connection_space && has_illuminant) {
            return None;
        }
        let count = usize::try_from(number(icc, HEADER_BYTES)?).ok().filter(|count| *count <= MAX_TAGS)?;
        let entries = icc.get(HEADER_BYTES + 4..length)?.as_chunks::<12>().0.get(..count)?;
        let mut tags: Vec<Tag<'_>> = Vec::with_capacity(count);
        for entry in entries {
            let name: [u8; 4] = entry[..4].try_into().ok()?;
            let (start, bytes) = (usize::try_from(number(entry, 4)?).ok()?, usize::try_from(number(entry, 8)?).ok()?);
            let end = start.checked_add(bytes)?;
            let data = icc[..length].get(start..end)?;
            if data.len() < 4 || tags.iter().any(|other| other.name == name) {
                return None;
            }
            tags.push(Tag { name, data, bytes_after: icc.len() - end });
        }
        Some(Self { tags })
    }

    fn find(&self, name: [u8; 4]) -> Option<&'icc [u8]> {
        self.tags.iter().find(|tag| tag.name == name).map(|tag| tag.data)
    }

    /// Whether every tag that describes colors is valid, and no required tag is missing.
    fn are_usable(&self, channels: ProfileChannels) -> bool {
        self.tags.iter().all(|tag| tag.is_valid(channels))
            && (self.find(*b"A2B0").is_some()
                || match channels {
                    ProfileChannels::Rgb => self.has_matrix(),
                    ProfileChannels::Gray => self.find(*b"kTRC").is_some(),
                })
    }

    fn has_lookup_table(&self) -> bool {
        [*b"A2B0", *b"A2B1", *b"A2B2"].iter().any(|name| self.find(*name).is_some())
    }

    /// Whether the profile has all three curves and an invertible matrix from RGB to XYZ.
    fn has_matrix(&self) -> bool {
        let has_curves = [*b"rTRC", *b"gTRC", *b"bTRC"].iter().all(|name| self.find(*name).is_some());
        let columns = [*b"rXYZ", *b"gXYZ", *b"bXYZ"].map(|name| self.find(name).and_then(elements::xyz));
        let [Some(r), Some(g), Some(b)] = columns else { return false };
        let determinant = r[0] * (g[1] * b[2] - g[2] * b[1]) - g[0] * (r[1] * b[2] - r[2] * b[1])
            + b[0] * (r[1] * g[2] - r[2] * g[1]);
        has_curves && determinant.abs() >= MIN_DETERMINANT
    }
}

impl Tag<'_> {
    /// Whether a reader can use this tag, or does not need it.
    fn is_valid(&self, channels: ProfileChannels) -> bool {
        let &Self { ref name, data, bytes_after } = self;
        let device_channels = match channels {
            ProfileChannels::Rgb => 3,
            ProfileChannels::Gray => 1,
        };
        match name {
            b"rXYZ" | b"gXYZ" | b"bXYZ" | b"wtpt" => elements::xyz(data).is_some(),
            b"rTRC" | b"gTRC" | b"bTRC" => elements::curve_length(data).is_some(),
            // With this tag, skcms counts one channel.
            b"kTRC" => channels == ProfileChannels::Gray && elements::curve_length(data).is_some(),
            b"A2B0" | b"A2B1" | b"A2B2" => {
                elements::is_lookup_table(data, device_channels, Direction::FromDevice, bytes_after)
            }
            b"B2A0" | b"B2A1" | b"B2A2" => {
                elements::is_lookup_table(data, device_channels, Direction::ToDevice, bytes_after)
            }
            b"D2B0" | b"D2B1" | b"D2B2" | b"D2B3" | b"B2D0" | b"B2D1" | b"B2D2" | b"B2D3" => {
                elements::is_float_chain(data)
            }
            b"chad" => elements::is_adaptation(data),
            b"cicp" => elements::is_code_points(data),
            // This tag describes how HDR images are shown on SDR displays. It contains the length of its data. Chromium
            // rejects a profile with a damaged tag.
            b"HAGC" => {
                let length = number(data, 8).and_then(|length| usize::try_from(length).ok());
                data.starts_with(b"hagc") && length.is_some_and(|length| length <= data.len() - 12)
            }
            _ => true,
        }
    }
}

/// Reads a number of 32 bits. Returns `None` if the bytes end before.
fn number(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(bytes.get(at..at.checked_add(4)?)?.try_into().ok()?))
}
