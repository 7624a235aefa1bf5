//! The first frame of an image sequence without a primary image (ISO/IEC 23008-12, 7).

use avif::boxes::{BoxError, FileSlice, FourCc};
use heifer_isobmff::boxes::HevcConfig;

use super::boxes::find;
use super::{damaged, from_box_error, from_box_reader};
use crate::Error;

/// The first frame of a track.
pub(super) struct FirstFrame<'bytes> {
    pub(super) config: HevcConfig,
    /// Width and height in pixels.
    pub(super) size: (u32, u32),
    /// The frame: units with their lengths.
    pub(super) sample: &'bytes [u8],
    /// The number of frames in the track.
    pub(super) frames: u32,
}

/// The bytes of a visual sample entry before its boxes (ISO/IEC 14496-12, 12.1.3), and the position of the width in it.
const SAMPLE_ENTRY_BYTES: usize = 78;
const WIDTH_POSITION: usize = 24;

/// Reads the first frame of the first track with HEVC. Returns `None` if the file has no such track.
pub(super) fn read(file: &[u8]) -> Result<Option<FirstFrame<'_>>, Error> {
    let mut movie = None;
    // All boxes are read, so that a truncated file is an error.
    for child in FileSlice::whole(file).child_boxes() {
        let (name, content) = child.map_err(from_box_error)?;
        if name == *b"moov" {
            movie = Some(content);
        }
    }
    let Some(movie) = movie else { return Ok(None) };
    for track in movie.child_boxes() {
        let (name, track) = track.map_err(from_box_error)?;
        if name == *b"trak"
            && let Some(table) = descend(track, [*b"mdia", *b"minf", *b"stbl"]).map_err(from_box_error)?
            && let Some(entry) = sample_entry(&table).map_err(from_box_error)?
        {
            return read_track(file, &table, &entry).map(Some);
        }
    }
    Ok(None)
}

fn descend<const DEPTH: usize>(
    mut part: FileSlice<'_>,
    names: [FourCc; DEPTH],
) -> Result<Option<FileSlice<'_>>, BoxError> {
    for name in names {
        match find(&part, name)? {
            Some(child) => part = child,
            None => return Ok(None),
        }
    }
    Ok(Some(part))
}

/// A sample entry (ISO/IEC 14496-12, 12.1.3).
struct SampleEntry<'bytes> {
    /// Width and height in pixels.
    size: (u32, u32),
    boxes: FileSlice<'bytes>,
}

/// Returns the first sample entry if it is coded as HEVC.
fn sample_entry<'bytes>(table: &FileSlice<'bytes>) -> Result<Option<SampleEntry<'bytes>>, BoxError> {
    let Some(description) = find(table, *b"stsd")? else { return Ok(None) };
    let entry = description.skip(8, *b"stsd")?.child_boxes().next().transpose()?;
    let Some((name, entry)) = entry.filter(|(name, _)| matches!(name, b"hvc1" | b"hev1")) else { return Ok(None) };
    let mut fields = entry.skip(WIDTH_POSITION, name)?.fields(name);
    let size = (fields.u16()?.into(), fields.u16()?.into());
    Ok(Some(SampleEntry { size, boxes: entry.skip(SAMPLE_ENTRY_BYTES, name)? }))
}

fn read_track<'bytes>(
    file: &'bytes [u8],
    table: &FileSlice<'_>,
    entry: &SampleEntry<'_>,
) -> Result<FirstFrame<'bytes>, Error> {
    let config =
        find(&entry.boxes, *b"hvcC").map_err(from_box_error)?.ok_or_else(|| damaged("a track has no box `hvcC`"))?;
    let config = HevcConfig::parse(config.bytes()).map_err(from_box_reader)?;
    let first = first_sample(table).map_err(from_box_error)?;
    let (start, length, frames) = first.ok_or_else(|| damaged("a track has no frames"))?;
    let sample = usize::try_from(start).ok().zip(usize::try_from(length).ok());
    let sample = sample.and_then(|(start, length)| file.get(start..start.checked_add(length)?));
    let sample = sample.ok_or_else(|| damaged("its first frame is not complete"))?;
    Ok(FirstFrame { config, size: entry.size, sample, frames })
}

/// Returns the position and the length in bytes of the first sample, and the number of samples.
fn first_sample(table: &FileSlice<'_>) -> Result<Option<(u64, u64, u32)>, BoxError> {
    let Some(sizes) = find(table, *b"stsz")? else { return Ok(None) };
    let mut fields = sizes.skip(4, *b"stsz")?.fields(*b"stsz");
    let (common, frames) = (fields.u32()?, fields.u32()?);
    let length = if common == 0 && frames > 0 { fields.u32()? } else { common };
    let (name, bytes) = if find(table, *b"stco")?.is_some() { (*b"stco", 4) } else { (*b"co64", 8) };
    let Some(chunks) = find(table, name)? else { return Ok(None) };
    let mut fields = chunks.skip(8, name)?.fields(name);
    Ok((frames > 0).then_some((fields.number(bytes)?, length.into(), frames)))
}
