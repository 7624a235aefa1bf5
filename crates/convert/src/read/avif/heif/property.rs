//! Properties of items and of sample entries. Known properties are rewritten field by field. Unknown properties are
//! dropped.

use model::Metadata;

use super::{damaged, unsupported};
use crate::Error;
use crate::color::icc::IccProfile;
use crate::read::avif::av1::StreamReader;
use avif::boxes::{FieldReader, FileSlice, FourCc, build_box, build_full_box};

/// The URNs that declare that an auxiliary image is alpha (ISO/IEC 23008-12, 6.5.8; ISO/IEC 23008-2, annex F).
const ALPHA_URNS: [&[u8]; 2] = [b"urn:mpeg:mpegB:cicp:systems:auxiliary:alpha", b"urn:mpeg:hevc:2015:auxid:1"];

/// How to treat ICC profiles, and the notes about them.
pub(super) struct ProfileContext<'notes> {
    pub(super) metadata: Metadata,
    pub(super) notes: &'notes mut Vec<String>,
}

/// What an auxiliary image contains.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum AuxiliaryType {
    Alpha,
    /// Other data, for example depth.
    Other,
}

/// Rewrites a property box. Returns `None` for an unknown box and for a damaged profile, which is omitted.
pub(super) fn rewrite(
    name: FourCc,
    content: &FileSlice<'_>,
    profiles: &mut ProfileContext<'_>,
) -> Result<Option<Vec<u8>>, Error> {
    let mut fields = content.fields(name);
    let length = match &name {
        b"colr" => return rewrite_color(fields, profiles),
        b"av1C" => return rewrite_configuration(fields).map(Some),
        b"auxC" | b"auxi" => {
            fields.version_and_flags()?;
            return Ok(alpha_urn(fields.bytes).map(|urn| build_full_box(name, 0, 0, &[urn, b"\0"])));
        }
        b"pixi" => {
            fields.version_and_flags()?;
            let channels = fields.u8()?;
            // Newer versions have more fields after the depths. These fields are not needed to read the image.
            let depths = fields.take(channels.into())?;
            return Ok(Some(build_full_box(name, 0, 0, &[&[channels], depths])));
        }
        b"cclv" => {
            let present = fields.clone().u8()?;
            // The lengths of the optional fields: primaries, then the minimum, maximum and average luminance.
            let lengths = [(0x20, 24), (0x10, 4), (0x08, 4), (0x04, 4)];
            1 + lengths.iter().filter(|(bit, _)| present & bit != 0).map(|(_, length)| length).sum::<usize>()
        }
        // The box contains three sizes of 2 or 4 bytes.
        b"a1lx" => 1 + 3 * if fields.clone().u8()? & 1 == 0 { 2 } else { 4 },
        // In `irot` and `imir`, the high bits are reserved and are set to 0.
        b"irot" => return Ok(Some(build_box(name, &[&[fields.u8()? & 3]]))),
        b"imir" => return Ok(Some(build_box(name, &[&[fields.u8()? & 1]]))),
        b"a1op" => 1,
        b"lsel" => 2,
        b"clli" => 4,
        b"pasp" | b"amve" => 8,
        b"mdcv" => 24,
        b"clap" => 32,
        b"ispe" => {
            fields.version_and_flags()?;
            return Ok(Some(build_full_box(name, 0, 0, &[fields.take(8)?])));
        }
        b"ccst" => {
            fields.version_and_flags()?;
            // The byte contains two flags about intra prediction (one bit each), and the maximum number of references
            // (four bits). The last two bits are reserved.
            return Ok(Some(build_full_box(name, 0, 0, &[&[fields.u8()? & 0xfc, 0, 0, 0]])));
        }
        _ => return Ok(None),
    };
    Ok(Some(build_box(name, &[fields.take(length)?])))
}

/// Returns the type of an auxiliary image. Returns `None` if the box does not declare one.
pub(super) fn auxiliary_type(name: FourCc, content: &FileSlice<'_>) -> Result<Option<AuxiliaryType>, Error> {
    if !matches!(&name, b"auxC" | b"auxi") {
        return Ok(None);
    }
    let mut fields = content.fields(name);
    fields.version_and_flags()?;
    Ok(Some(alpha_urn(fields.bytes).map_or(AuxiliaryType::Other, |_| AuxiliaryType::Alpha)))
}

/// Returns the alpha URN that the text starts with. A null or the end of the text must follow the URN. The rest of a
/// long text is not read, because the same text may be checked many times.
fn alpha_urn(text: &[u8]) -> Option<&'static [u8]> {
    let ends = |rest: &[u8]| rest.first().is_none_or(|byte| *byte == 0);
    ALPHA_URNS.into_iter().find(|name| text.strip_prefix(*name).is_some_and(ends))
}

/// Reads the sizes of all layers except the last (AVIF, 2.3.2.3). A size of zero means that the layer does not exist.
pub(super) fn read_layer_sizes(mut fields: FieldReader<'_>) -> Result<Vec<usize>, Error> {
    let bytes = if fields.u8()? & 1 == 0 { 2 } else { 4 };
    let sizes = (0..3).map(|_| fields.number(bytes)).collect::<Result<Vec<_>, _>>()?;
    let sizes = sizes.into_iter().take_while(|size| *size > 0);
    Ok(sizes.map(|size| usize::try_from(size).unwrap_or(usize::MAX)).collect())
}

/// Builds the box `a1lx` with these layer sizes.
pub(super) fn build_layer_sizes(sizes: &[usize]) -> Result<Vec<u8>, Error> {
    let mut content = vec![1];
    for layer in 0..3 {
        let size = u32::try_from(sizes.get(layer).copied().unwrap_or(0));
        content.extend(size.map_err(|_| damaged("a layer in the box `a1lx` is 4 GiB or more"))?.to_be_bytes());
    }
    Ok(build_box(*b"a1lx", &[&content]))
}

/// Reads the width and height in the box `ispe`.
pub(super) fn read_size(mut fields: FieldReader<'_>) -> Result<(u32, u32), Error> {
    fields.version_and_flags()?;
    Ok((fields.u32()?, fields.u32()?))
}

/// Rewrites a color box (ISO/IEC 14496-12, 12.1.5).
fn rewrite_color(mut fields: FieldReader<'_>, profiles: &mut ProfileContext<'_>) -> Result<Option<Vec<u8>>, Error> {
    let kind = fields.four_cc()?;
    match &kind {
        b"nclx" => {
            let (code_points, range) = (fields.take(6)?, fields.u8()? & 0x80);
            Ok(Some(build_box(*b"colr", &[&kind, code_points, &[range]])))
        }
        b"prof" | b"rICC" => {
            let profile = match profiles.metadata {
                Metadata::Keep => Some(fields.bytes.to_vec()),
                Metadata::Strip | Metadata::Copyright => {
                    IccProfile::read(fields.bytes).ok().map(|profile| profile.public)
                }
            };
            if profile.is_none() {
                let note = "the ICC profile is damaged and was omitted";
                if !profiles.notes.iter().any(|known| known == note) {
                    profiles.notes.push(note.into());
                }
            }
            Ok(profile.map(|profile| build_box(*b"colr", &[&kind, &profile])))
        }
        _ => Ok(None),
    }
}

/// Rewrites the decoder configuration (AV1 in ISOBMFF, 2.3). It keeps only the sequence header.
fn rewrite_configuration(mut fields: FieldReader<'_>) -> Result<Vec<u8>, Error> {
    let start = fields.array::<4>()?;
    if start[0] != 0x81 {
        return Err(unsupported("the version of the box `av1C` is not 1"));
    }
    // The data of the image contains its own sequence header. If the header in this box cannot be read, it is therefore
    // dropped.
    let headers = match StreamReader::default().read(fields.bytes) {
        Ok(obus) if obus.summary.shown_frames == 0 && obus.summary.coded_frames == 0 => obus.bytes,
        Ok(_) | Err(_) => vec![],
    };
    Ok(build_box(*b"av1C", &[&start, &headers]))
}
