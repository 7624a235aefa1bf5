//! The tracks of an image sequence (ISO/IEC 23008-12, 7): one for color, and optionally one for alpha.

use std::ops::Range;

use super::decoding_cost::{DeclaredSize, DecodingCost};
use super::media::MediaData;
use super::property::{self, AuxiliaryType, ProfileContext};
use super::samples::{SampleTable, Samples, require};
use super::still::StillItem;
use super::{damaged, set_once, unsupported};
use crate::Error;
use crate::read::avif::av1::StreamReader;
use avif::boxes::{FieldReader, FileSlice, FourCc};

/// The maximum number of tracks, and of references of a track.
const MAX_TRACKS: usize = 64;
/// The matrix that does not transform a track.
pub(super) const IDENTITY_MATRIX: [u32; 9] = [0x1_0000, 0, 0, 0, 0x1_0000, 0, 0, 0, 0x4000_0000];
/// The values in a matrix that only rotates by quarter turns or mirrors.
const ROTATION_VALUES: [u32; 3] = [0, 0x1_0000, 0xffff_0000];

/// The image sequence of a file.
pub(super) struct Movie<'a> {
    pub(super) timescale: u32,
    pub(super) duration: u64,
    pub(super) color: Track,
    pub(super) alpha: Option<Track>,
    /// Whether colors are multiplied by their alpha.
    pub(super) is_premultiplied: bool,
    /// The `meta` box of the color track.
    pub(super) meta: Option<FileSlice<'a>>,
    /// The items that will be written into the `meta` box of the color track.
    pub(super) descriptions: Vec<StillItem>,
}

/// A track whose samples were copied to the media data.
pub(super) struct Track {
    pub(super) flags: u32,
    pub(super) duration: u64,
    pub(super) matrix: [u32; 9],
    /// Width and height in units of 1/65536 pixel.
    pub(super) size: (u32, u32),
    /// The entry of the edit list, if any.
    pub(super) edit: Option<Edit>,
    pub(super) media_timescale: u32,
    pub(super) media_duration: u64,
    /// Width and height in the sample entry, in pixels.
    pub(super) entry_size: (u16, u16),
    /// The properties of the sample entry, as complete boxes.
    pub(super) properties: Vec<Vec<u8>>,
    /// The range of each sample in the media data.
    pub(super) samples: Vec<Range<usize>>,
    pub(super) durations: Vec<(u32, u32)>,
    pub(super) sync_samples: Option<Vec<u32>>,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Edit {
    pub(super) flags: u32,
    pub(super) duration: u64,
    pub(super) start: u64,
    pub(super) rate: u32,
}

/// The boxes of a track. The entries of its sample table are not read yet.
struct TrackBoxes<'a> {
    header: TrackHeader,
    references: Vec<(FourCc, Vec<u32>)>,
    edit: Option<Edit>,
    meta: Option<FileSlice<'a>>,
    media_header: (u32, u64),
    handler: FourCc,
    table: SampleTable<'a>,
}

#[derive(Debug, Clone, Copy)]
struct TrackHeader {
    flags: u32,
    id: u32,
    duration: u64,
    matrix: [u32; 9],
    size: (u32, u32),
}

impl<'a> Movie<'a> {
    /// Reads the content of a `moov` box.
    pub(super) fn read(
        moov: &FileSlice<'a>,
        media: &mut MediaData<'a>,
        profiles: &mut ProfileContext<'_>,
    ) -> Result<Self, Error> {
        let (mut header, mut tracks) = (None, vec![]);
        for child in moov.child_boxes() {
            let (name, part) = child?;
            match &name {
                b"mvhd" => set_once(&mut header, name, read_timing(part.fields(name))?)?,
                b"trak" if tracks.len() == MAX_TRACKS => {
                    return Err(unsupported(&format!("more than {MAX_TRACKS} tracks")));
                }
                b"trak" => tracks.push(TrackBoxes::read(&part)?),
                b"mvex" => return Err(unsupported("a fragmented sequence")),
                _ => {}
            }
        }
        let (timescale, duration) = require(header, *b"mvhd")?;
        let is_color = |track: &TrackBoxes<'_>| {
            let is_auxiliary = track.references.iter().any(|(kind, _)| matches!(kind, b"auxl" | b"thmb"));
            matches!(&track.handler, b"pict" | b"vide") && !is_auxiliary
        };
        let color = tracks.iter().find(|track| is_color(track));
        let color = color.ok_or_else(|| damaged("the box `moov` has no image track"))?;
        let id = color.header.id;
        let refers = |from: &TrackBoxes<'_>, kind: &FourCc, to: u32| {
            from.references.iter().any(|(known, ids)| known == kind && ids.contains(&to))
        };
        let mut alpha = None;
        for track in tracks.iter().filter(|track| refers(track, b"auxl", id)) {
            if alpha.is_none() && track.is_alpha()? {
                alpha = Some(track);
            }
        }
        let is_premultiplied = alpha.is_some_and(|alpha| refers(color, b"prem", alpha.header.id));
        let (color_track, cost) = color.read_track(media, profiles)?;
        let alpha = alpha.map(|alpha| alpha.read_track(media, profiles)).transpose()?;
        let alpha_cost = alpha.as_ref().map_or_else(DecodingCost::default, |(_, cost)| *cost);
        let (width, height) = color.header.size;
        DeclaredSize { width: width >> 16, height: height >> 16 }.check_cost(cost.combine(alpha_cost))?;
        let (alpha, meta) = (alpha.map(|(alpha, _)| alpha), color.meta.clone());
        let descriptions = vec![];
        Ok(Self { timescale, duration, color: color_track, alpha, is_premultiplied, meta, descriptions })
    }

    /// The number of samples of the color track and the alpha track.
    pub(super) fn samples(&self) -> usize {
        self.color.samples.len() + self.alpha.as_ref().map_or(0, |alpha| alpha.samples.len())
    }
}

impl<'a> TrackBoxes<'a> {
    fn read(trak: &FileSlice<'a>) -> Result<Self, Error> {
        let (mut header, mut references, mut edit, mut meta, mut mdia) = (None, None, None, None, None);
        for child in trak.child_boxes() {
            let (name, part) = child?;
            match &name {
                b"tkhd" => set_once(&mut header, name, read_track_header(part.fields(name))?)?,
                b"tref" => set_once(&mut references, name, read_track_references(&part)?)?,
                b"edts" => set_once(&mut edit, name, read_edit(&part)?)?,
                b"meta" => set_once(&mut meta, name, part)?,
                b"mdia" => set_once(&mut mdia, name, part)?,
                _ => {}
            }
        }
        let (mut media_header, mut handler, mut minf) = (None, None, None);
        for child in require(mdia, *b"mdia")?.child_boxes() {
            let (name, part) = child?;
            match &name {
                b"mdhd" => set_once(&mut media_header, name, read_timing(part.fields(name))?)?,
                b"hdlr" => set_once(&mut handler, name, read_handler(part.fields(name))?)?,
                b"minf" => set_once(&mut minf, name, part)?,
                _ => {}
            }
        }
        let mut stbl = None;
        for child in require(minf, *b"minf")?.child_boxes() {
            let (name, part) = child?;
            match &name {
                b"stbl" => set_once(&mut stbl, name, part)?,
                b"dinf" => reject_external_data(&part)?,
                _ => {}
            }
        }
        Ok(Self {
            header: require(header, *b"tkhd")?,
            references: references.unwrap_or_default(),
            edit: edit.flatten(),
            meta,
            media_header: require(media_header, *b"mdhd")?,
            handler: require(handler, *b"hdlr")?,
            table: SampleTable::read(&require(stbl, *b"stbl")?)?,
        })
    }

    /// Whether an auxiliary track contains alpha. A track that declares no type is treated as alpha.
    fn is_alpha(&self) -> Result<bool, Error> {
        let (_, properties) = read_sample_entry(require(self.table.descriptions.as_ref(), *b"stsd")?)?;
        for child in properties.child_boxes() {
            let (name, part) = child?;
            if let Some(auxiliary) = property::auxiliary_type(name, &part)? {
                return Ok(auxiliary == AuxiliaryType::Alpha);
            }
        }
        Ok(true)
    }

    /// Copies all samples. Returns the track, and the cost of decoding its first sample. A conversion does not decode
    /// the other samples.
    fn read_track(
        &self,
        media: &mut MediaData<'a>,
        profiles: &mut ProfileContext<'_>,
    ) -> Result<(Track, DecodingCost), Error> {
        let (entry_size, boxes) = read_sample_entry(require(self.table.descriptions.as_ref(), *b"stsd")?)?;
        let mut properties = vec![];
        for child in boxes.child_boxes() {
            let (name, part) = child?;
            properties.extend(property::rewrite(name, &part, profiles)?);
        }
        let Samples { ranges, durations, sync: sync_samples } = self.table.samples()?;
        let mut stream = StreamReader::default();
        let name = format!("a sample of track {}", self.header.id);
        let (first, rest) = ranges.split_first().ok_or_else(|| damaged("a track has no samples"))?;
        // If the primary item has the same data, `add_image` copies the data only once.
        let first = media.add_image(vec![first.clone()], &[], &mut stream, &name)?;
        first.check_is_one_image(&name)?;
        let cost = first.decoding_cost();
        let rest = rest.iter().map(|range| media.add_sample(range.clone(), &mut stream, &name));
        let samples = std::iter::once(Ok(first.range)).chain(rest).collect::<Result<Vec<_>, _>>()?;
        let TrackHeader { flags, duration, matrix, size, .. } = self.header;
        let (media_timescale, media_duration) = self.media_header;
        let edit = self.edit;
        let track = Track {
            flags,
            duration,
            matrix,
            size,
            edit,
            media_timescale,
            media_duration,
            entry_size,
            properties,
            samples,
            durations,
            sync_samples,
        };
        Ok((track, cost))
    }
}

/// Reads the timescale and the duration of a movie or of a track's media, which follow the creation and modification
/// times.
fn read_timing(mut fields: FieldReader<'_>) -> Result<(u32, u64), Error> {
    let bytes = if fields.version_and_flags()?.0 == 0 { 4 } else { 8 };
    fields.take(2 * bytes)?;
    Ok((fields.u32()?, read_duration(&mut fields, bytes)?))
}

/// Reads a duration. If all bits of the field are ones, the duration is unknown or the edit is empty. The result is
/// then `u64::MAX`, also for a field of 32 bits.
fn read_duration(fields: &mut FieldReader<'_>, bytes: usize) -> Result<u64, Error> {
    let duration = fields.number(bytes)?;
    Ok(if bytes == 4 && duration == u64::from(u32::MAX) { u64::MAX } else { duration })
}

fn read_track_header(mut fields: FieldReader<'_>) -> Result<TrackHeader, Error> {
    let (version, flags) = fields.version_and_flags()?;
    let bytes = if version == 0 { 4 } else { 8 };
    fields.take(2 * bytes)?;
    let id = fields.u32()?;
    fields.take(4)?;
    let duration = read_duration(&mut fields, bytes)?;
    // Skips the layer, the alternate group and the volume, which are needed only for several visible tracks or for
    // sound.
    fields.take(16)?;
    let mut matrix = [0; 9];
    for number in &mut matrix {
        *number = fields.u32()?;
    }
    let is_rotation = matrix[..6].iter().all(|number| ROTATION_VALUES.contains(number)) && matrix[8] == 0x4000_0000;
    // The translation of a rotated image is a whole number of pixels. Browsers and libavif ignore the matrix, and video
    // players do not. So that all show the same image, a matrix that scales or skews is not copied.
    if !is_rotation || matrix[6..8].iter().any(|shift| shift & 0xffff != 0) {
        matrix = IDENTITY_MATRIX;
    }
    Ok(TrackHeader { flags: flags & 0xf, id, duration, matrix, size: (fields.u32()?, fields.u32()?) })
}

fn read_track_references(tref: &FileSlice<'_>) -> Result<Vec<(FourCc, Vec<u32>)>, Error> {
    let mut references = vec![];
    for child in tref.child_boxes() {
        let (name, part) = child?;
        if references.len() == MAX_TRACKS || part.range.len() > 4 * MAX_TRACKS {
            return Err(unsupported(&format!("a track has more than {MAX_TRACKS} references")));
        }
        let ids = part.bytes().as_chunks().0.iter().map(|id| u32::from_be_bytes(*id)).collect();
        references.push((name, ids));
    }
    Ok(references)
}

/// Reads the edit list (ISO/IEC 14496-12, 8.6.6), which defines whether the sequence is repeated.
fn read_edit(edts: &FileSlice<'_>) -> Result<Option<Edit>, Error> {
    let mut edit = None;
    for child in edts.child_boxes() {
        let (name, part) = child?;
        if name != *b"elst" {
            continue;
        }
        let mut fields = part.fields(name);
        let (version, flags) = fields.version_and_flags()?;
        let bytes = if version == 0 { 4 } else { 8 };
        if fields.u32()? != 1 {
            return Err(unsupported("the edit list of a track does not have exactly one entry"));
        }
        let (duration, start) = (read_duration(&mut fields, bytes)?, read_duration(&mut fields, bytes)?);
        set_once(&mut edit, name, Edit { flags: flags & 1, duration, start, rate: fields.u32()? })?;
    }
    Ok(edit)
}

fn read_handler(mut fields: FieldReader<'_>) -> Result<FourCc, Error> {
    fields.version_and_flags()?;
    fields.u32()?;
    Ok(fields.four_cc()?)
}

fn reject_external_data(dinf: &FileSlice<'_>) -> Result<(), Error> {
    for child in dinf.child_boxes() {
        let (name, dref) = child?;
        if name != *b"dref" {
            continue;
        }
        for entry in dref.skip(8, name)?.child_boxes() {
            let (kind, entry) = entry?;
            if entry.fields(kind).version_and_flags()?.1 & 1 == 0 {
                return Err(unsupported("the samples of a track are in another file"));
            }
        }
    }
    Ok(())
}

/// Reads the only sample entry of an AV1 track (ISO/IEC 14496-12, 12.1.3). Returns the image size in the entry, and the
/// boxes of the entry.
fn read_sample_entry<'a>(stsd: &FileSlice<'a>) -> Result<((u16, u16), FileSlice<'a>), Error> {
    let mut fields = stsd.fields(*b"stsd");
    fields.version_and_flags()?;
    if fields.u32()? != 1 {
        return Err(unsupported("a track has several sample descriptions"));
    }
    let entry = stsd.skip(8, *b"stsd")?.child_boxes().next();
    let (name, entry) = entry.ok_or_else(|| damaged("the box `stsd` is empty"))??;
    if name != *b"av01" {
        return Err(unsupported(&format!("a track has the codec `{}`, not AV1", name.escape_ascii())));
    }
    let mut fields = entry.fields(name);
    fields.take(24)?;
    let size = (fields.u16()?, fields.u16()?);
    Ok((size, entry.skip(78, name)?))
}
