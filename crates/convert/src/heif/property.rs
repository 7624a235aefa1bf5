//! Properties of items and of sample entries: what is known of them is written anew, field by field, and nothing else.

use model::Metadata;

use super::boxes::{Fields, Name, Part, boxed, full};
use super::{damaged, unsupported};
use crate::av1::Stream;
use crate::{Error, icc_tags};

/// The names that an auxiliary image has if it is alpha (ISO/IEC 23008-12, 6.5.8; ISO/IEC 23008-2, annex F).
const ALPHA: [&[u8]; 2] = [b"urn:mpeg:mpegB:cicp:systems:auxiliary:alpha", b"urn:mpeg:hevc:2015:auxid:1"];

/// What is done with ICC profiles, and what is to be said of them.
pub(super) struct Profiles<'notes> {
    pub(super) metadata: Metadata,
    pub(super) notes: &'notes mut Vec<String>,
}

/// The box written anew; nothing where it is not known, or is a profile that is left out.
pub(super) fn rewritten(name: Name, content: &Part<'_>, profiles: &mut Profiles<'_>) -> Result<Option<Vec<u8>>, Error> {
    let mut fields = content.fields(name);
    let length = match &name {
        b"colr" => return color(fields, profiles),
        b"av1C" => return configuration(fields).map(Some),
        b"auxC" | b"auxi" => {
            fields.version()?;
            return Ok(alpha(fields.bytes).map(|alpha| full(name, 0, 0, &[alpha, b"\0"])));
        }
        b"pixi" => {
            fields.version()?;
            let channels = fields.u8()?;
            // What newer versions say behind the depths is not needed to read the image.
            let depths = fields.take(channels.into())?;
            return Ok(Some(full(name, 0, 0, &[&[channels], depths])));
        }
        b"cclv" => {
            let present = fields.clone().u8()?;
            // Primaries; then the least, the highest and the average luminance.
            let lengths = [(0x20, 24), (0x10, 4), (0x08, 4), (0x04, 4)];
            1 + lengths.iter().filter(|(bit, _)| present & bit != 0).map(|(_, length)| length).sum::<usize>()
        }
        // Three sizes of 2 bytes or of 4.
        b"a1lx" => 1 + 3 * if fields.clone().u8()? & 1 == 0 { 2 } else { 4 },
        // Of this and of the next, only the low bits mean something.
        b"irot" => return Ok(Some(boxed(name, &[&[fields.u8()? & 3]]))),
        b"imir" => return Ok(Some(boxed(name, &[&[fields.u8()? & 1]]))),
        b"a1op" => 1,
        b"lsel" => 2,
        b"clli" => 4,
        b"pasp" | b"amve" => 8,
        b"mdcv" => 24,
        b"clap" => 32,
        b"ispe" => {
            fields.version()?;
            return Ok(Some(full(name, 0, 0, &[fields.take(8)?])));
        }
        b"ccst" => {
            fields.version()?;
            // Whether all references are intra, whether intra prediction is used, and how many references there are.
            return Ok(Some(full(name, 0, 0, &[&[fields.u8()? & 0xfc, 0, 0, 0]])));
        }
        _ => return Ok(None),
    };
    Ok(Some(boxed(name, &[fields.take(length)?])))
}

/// Whether a box says that an image is alpha; nothing where it is no box that says what an auxiliary image is.
pub(super) fn is_alpha(name: Name, content: &Part<'_>) -> Result<Option<bool>, Error> {
    if !matches!(&name, b"auxC" | b"auxi") {
        return Ok(None);
    }
    let mut fields = content.fields(name);
    fields.version()?;
    Ok(Some(alpha(fields.bytes).is_some()))
}

/// The name of alpha that the text begins with, up to a zero or the end. No more is read of it: a long one may be looked at
/// many times.
fn alpha(text: &[u8]) -> Option<&'static [u8]> {
    let ends = |rest: &[u8]| rest.first().is_none_or(|byte| *byte == 0);
    ALPHA.into_iter().find(|name| text.strip_prefix(*name).is_some_and(ends))
}

/// The sizes of all layers but the last, which are zero where there are no more (AVIF, 2.3.2.3).
pub(super) fn layer_sizes(mut fields: Fields<'_>) -> Result<Vec<usize>, Error> {
    let bytes = if fields.u8()? & 1 == 0 { 2 } else { 4 };
    let sizes = (0..3).map(|_| fields.number(bytes)).collect::<Result<Vec<_>, _>>()?;
    let sizes = sizes.into_iter().take_while(|size| *size > 0);
    Ok(sizes.map(|size| usize::try_from(size).unwrap_or(usize::MAX)).collect())
}

/// The box `a1lx` of such sizes.
pub(super) fn layers(sizes: &[usize]) -> Result<Vec<u8>, Error> {
    let mut content = vec![1];
    for layer in 0..3 {
        let size = u32::try_from(sizes.get(layer).copied().unwrap_or(0));
        content.extend(size.map_err(|_| damaged("a layer of 4 GiB in the box `a1lx`"))?.to_be_bytes());
    }
    Ok(boxed(*b"a1lx", &[&content]))
}

/// Width and height of the box `ispe`.
pub(super) fn size(mut fields: Fields<'_>) -> Result<(u32, u32), Error> {
    fields.version()?;
    Ok((fields.u32()?, fields.u32()?))
}

/// Color (ISO/IEC 14496-12, 12.1.5).
fn color(mut fields: Fields<'_>, profiles: &mut Profiles<'_>) -> Result<Option<Vec<u8>>, Error> {
    let kind = fields.name()?;
    match &kind {
        b"nclx" => {
            let (code_points, range) = (fields.take(6)?, fields.u8()? & 0x80);
            Ok(Some(boxed(*b"colr", &[&kind, code_points, &[range]])))
        }
        b"prof" | b"rICC" => {
            let profile = match profiles.metadata {
                Metadata::Keep => Some(fields.bytes.to_vec()),
                Metadata::Strip => icc_tags::without_private_tags(fields.bytes),
            };
            if profile.is_none() {
                let note = "the ICC profile is damaged and was left out";
                if !profiles.notes.iter().any(|known| known == note) {
                    profiles.notes.push(note.into());
                }
            }
            Ok(profile.map(|profile| boxed(*b"colr", &[&kind, &profile])))
        }
        _ => Ok(None),
    }
}

/// The decoder's configuration (AV1 in ISOBMFF, 2.3) with nothing but a sequence header in it.
fn configuration(mut fields: Fields<'_>) -> Result<Vec<u8>, Error> {
    let start = fields.array::<4>()?;
    if start[0] != 0x81 {
        return Err(unsupported("the box `av1C` has another version than 1"));
    }
    // The item has a sequence header of its own, so that one that cannot be read is not needed here.
    let headers = match Stream::default().read(fields.bytes) {
        Ok(units) if units.counts.shown == 0 && units.counts.frames == 0 => units.bytes,
        Ok(_) | Err(_) => vec![],
    };
    Ok(boxed(*b"av1C", &[&start, &headers]))
}
