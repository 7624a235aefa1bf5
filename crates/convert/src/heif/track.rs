//! The tracks of an image sequence (ISO/IEC 23008-12, 7): one of color, and perhaps one of alpha.

use std::ops::Range;

use super::boxes::{Fields, Name, Part};
use super::claim::{Claim, Work};
use super::media::Media;
use super::property::{self, Profiles};
use super::samples::{SampleTable, Samples, needed};
use super::{damaged, once, unsupported};
use crate::Error;
use crate::av1::Stream;

/// The most tracks that are looked at.
const MOST_TRACKS: usize = 64;
/// What a matrix is made of that turns by quarters or mirrors.
const UNITS: [u32; 3] = [0, 0x1_0000, 0xffff_0000];

/// The image sequence of a file.
pub(super) struct Movie<'a> {
    pub(super) timescale: u32,
    pub(super) duration: u64,
    pub(super) color: Track,
    pub(super) alpha: Option<Track>,
    /// Whether colors were multiplied by their alpha.
    pub(super) is_premultiplied: bool,
    /// The `meta` box of the track of color.
    pub(super) meta: Option<Part<'a>>,
}

/// A track whose samples are in the media.
pub(super) struct Track {
    pub(super) flags: u32,
    pub(super) duration: u64,
    pub(super) matrix: [u32; 9],
    /// In 65536ths of a pixel.
    pub(super) size: (u32, u32),
    /// The duration, the start and the rate of its one edit, and its flags.
    pub(super) edit: Option<Edit>,
    pub(super) media_timescale: u32,
    pub(super) media_duration: u64,
    /// Width and height of the sample entry.
    pub(super) entry_size: (u16, u16),
    /// Whole boxes of the sample entry.
    pub(super) properties: Vec<Vec<u8>>,
    /// Where each is in the media.
    pub(super) samples: Vec<Range<usize>>,
    pub(super) durations: Vec<(u32, u32)>,
    pub(super) sync: Option<Vec<u32>>,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Edit {
    pub(super) flags: u32,
    pub(super) duration: u64,
    pub(super) start: u64,
    pub(super) rate: u32,
}

/// The boxes of a track, of which none was looked into that a table could make long.
struct TrackBoxes<'a> {
    header: TrackHeader,
    references: Vec<(Name, Vec<u32>)>,
    edit: Option<Edit>,
    meta: Option<Part<'a>>,
    media_header: (u32, u64),
    handler: Name,
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
    pub(super) fn read(moov: &Part<'a>, media: &mut Media<'a>, profiles: &mut Profiles<'_>) -> Result<Self, Error> {
        let (mut header, mut tracks) = (None, vec![]);
        for child in moov.children() {
            let (name, part) = child?;
            match &name {
                b"mvhd" => once(&mut header, name, timing(part.fields(name))?)?,
                b"trak" if tracks.len() == MOST_TRACKS => {
                    return Err(unsupported(&format!("more than {MOST_TRACKS} tracks")));
                }
                b"trak" => tracks.push(TrackBoxes::read(&part)?),
                b"mvex" => return Err(unsupported("a sequence in fragments")),
                _ => {}
            }
        }
        let (timescale, duration) = needed(header, *b"mvhd")?;
        let is_color = |track: &TrackBoxes<'_>| {
            let is_auxiliary = track.references.iter().any(|(kind, _)| matches!(kind, b"auxl" | b"thmb"));
            matches!(&track.handler, b"pict" | b"vide") && !is_auxiliary
        };
        let color = tracks.iter().find(|track| is_color(track));
        let color = color.ok_or_else(|| damaged("the box `moov` has no track of images"))?;
        let id = color.header.id;
        let refers = |from: &TrackBoxes<'_>, kind: &Name, to: u32| {
            from.references.iter().any(|(known, ids)| known == kind && ids.contains(&to))
        };
        let mut alpha = None;
        for track in tracks.iter().filter(|track| refers(track, b"auxl", id)) {
            if alpha.is_none() && track.is_alpha()? {
                alpha = Some(track);
            }
        }
        let is_premultiplied = alpha.is_some_and(|alpha| refers(color, b"prem", alpha.header.id));
        let (color_track, work) = color.track(media, profiles)?;
        let alpha = alpha.map(|alpha| alpha.track(media, profiles)).transpose()?;
        let alpha_work = alpha.as_ref().map_or_else(Work::default, |(_, work)| *work);
        let (width, height) = color.header.size;
        Claim { width: width >> 16, height: height >> 16 }.check(work.and(alpha_work))?;
        let (alpha, meta) = (alpha.map(|(alpha, _)| alpha), color.meta.clone());
        Ok(Self { timescale, duration, color: color_track, alpha, is_premultiplied, meta })
    }

    /// Samples of all tracks.
    pub(super) fn samples(&self) -> usize {
        self.color.samples.len() + self.alpha.as_ref().map_or(0, |alpha| alpha.samples.len())
    }
}

impl<'a> TrackBoxes<'a> {
    fn read(trak: &Part<'a>) -> Result<Self, Error> {
        let (mut header, mut references, mut edit, mut meta, mut mdia) = (None, None, None, None, None);
        for child in trak.children() {
            let (name, part) = child?;
            match &name {
                b"tkhd" => once(&mut header, name, track_header(part.fields(name))?)?,
                b"tref" => once(&mut references, name, track_references(&part)?)?,
                b"edts" => once(&mut edit, name, edits(&part)?)?,
                b"meta" => once(&mut meta, name, part)?,
                b"mdia" => once(&mut mdia, name, part)?,
                _ => {}
            }
        }
        let (mut media_header, mut handler, mut minf) = (None, None, None);
        for child in needed(mdia, *b"mdia")?.children() {
            let (name, part) = child?;
            match &name {
                b"mdhd" => once(&mut media_header, name, timing(part.fields(name))?)?,
                b"hdlr" => once(&mut handler, name, self::handler(part.fields(name))?)?,
                b"minf" => once(&mut minf, name, part)?,
                _ => {}
            }
        }
        let mut stbl = None;
        for child in needed(minf, *b"minf")?.children() {
            let (name, part) = child?;
            match &name {
                b"stbl" => once(&mut stbl, name, part)?,
                b"dinf" => refuse_other_files(&part)?,
                _ => {}
            }
        }
        Ok(Self {
            header: needed(header, *b"tkhd")?,
            references: references.unwrap_or_default(),
            edit: edit.flatten(),
            meta,
            media_header: needed(media_header, *b"mdhd")?,
            handler: needed(handler, *b"hdlr")?,
            table: SampleTable::read(&needed(stbl, *b"stbl")?)?,
        })
    }

    /// Whether an auxiliary track is alpha: it is where it does not say what it is.
    fn is_alpha(&self) -> Result<bool, Error> {
        let (_, properties) = sample_entry(needed(self.table.descriptions.as_ref(), *b"stsd")?)?;
        for child in properties.children() {
            let (name, part) = child?;
            if let Some(is_alpha) = property::is_alpha(name, &part)? {
                return Ok(is_alpha);
            }
        }
        Ok(true)
    }

    /// Reads all samples. Returns what decoding the first one takes: no other is decoded here.
    fn track(&self, media: &mut Media<'a>, profiles: &mut Profiles<'_>) -> Result<(Track, Work), Error> {
        let (entry_size, boxes) = sample_entry(needed(self.table.descriptions.as_ref(), *b"stsd")?)?;
        let mut properties = vec![];
        for child in boxes.children() {
            let (name, part) = child?;
            properties.extend(property::rewritten(name, &part, profiles)?);
        }
        let Samples { places, durations, sync } = self.table.samples()?;
        let mut stream = Stream::default();
        let name = format!("a sample of track {}", self.header.id);
        let (first, rest) = places.split_first().ok_or_else(|| damaged("a track without samples"))?;
        // The primary item may have the same data.
        let first = media.coded(vec![first.clone()], &[], &mut stream, &name)?;
        first.check_is_one_image(&name)?;
        let work = first.work();
        let rest = rest.iter().map(|place| media.sample(place.clone(), &mut stream, &name));
        let samples = std::iter::once(Ok(first.place)).chain(rest).collect::<Result<Vec<_>, _>>()?;
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
            sync,
        };
        Ok((track, work))
    }
}

/// Timescale and duration of a movie or a track's media, behind the times at which they were made and changed.
fn timing(mut fields: Fields<'_>) -> Result<(u32, u64), Error> {
    let bytes = if fields.version()?.0 == 0 { 4 } else { 8 };
    fields.take(2 * bytes)?;
    Ok((fields.u32()?, duration(&mut fields, bytes)?))
}

/// All ones stand for an unknown duration or an empty edit, however many they are.
fn duration(fields: &mut Fields<'_>, bytes: usize) -> Result<u64, Error> {
    let duration = fields.number(bytes)?;
    Ok(if bytes == 4 && duration == u64::from(u32::MAX) { u64::MAX } else { duration })
}

fn track_header(mut fields: Fields<'_>) -> Result<TrackHeader, Error> {
    let (version, flags) = fields.version()?;
    let bytes = if version == 0 { 4 } else { 8 };
    fields.take(2 * bytes)?;
    let id = fields.u32()?;
    fields.take(4)?;
    let duration = duration(&mut fields, bytes)?;
    // Layer, alternate group, volume: they are for several tracks that are seen, and for sound.
    fields.take(16)?;
    let mut matrix = [0; 9];
    for number in &mut matrix {
        *number = fields.u32()?;
    }
    let turns = matrix[..6].iter().all(|number| UNITS.contains(number)) && matrix[8] == 0x4000_0000;
    // What is turned is moved back by whole pixels.
    if !turns || matrix[6..8].iter().any(|shift| shift & 0xffff != 0) {
        return Err(unsupported("a track that is scaled or skewed by the matrix in the box `tkhd`"));
    }
    Ok(TrackHeader { flags: flags & 0xf, id, duration, matrix, size: (fields.u32()?, fields.u32()?) })
}

fn track_references(tref: &Part<'_>) -> Result<Vec<(Name, Vec<u32>)>, Error> {
    let mut references = vec![];
    for child in tref.children() {
        let (name, part) = child?;
        if references.len() == MOST_TRACKS || part.range.len() > 4 * MOST_TRACKS {
            return Err(unsupported(&format!("more than {MOST_TRACKS} references of a track")));
        }
        let ids = part.bytes().as_chunks().0.iter().map(|id| u32::from_be_bytes(*id)).collect();
        references.push((name, ids));
    }
    Ok(references)
}

/// The edit list (ISO/IEC 14496-12, 8.6.6), which says whether the sequence is repeated.
fn edits(edts: &Part<'_>) -> Result<Option<Edit>, Error> {
    let mut edit = None;
    for child in edts.children() {
        let (name, part) = child?;
        if name != *b"elst" {
            continue;
        }
        let mut fields = part.fields(name);
        let (version, flags) = fields.version()?;
        let bytes = if version == 0 { 4 } else { 8 };
        if fields.u32()? != 1 {
            return Err(unsupported("a track whose edit list has not exactly one entry"));
        }
        let (duration, start) = (duration(&mut fields, bytes)?, duration(&mut fields, bytes)?);
        once(&mut edit, name, Edit { flags: flags & 1, duration, start, rate: fields.u32()? })?;
    }
    Ok(edit)
}

fn handler(mut fields: Fields<'_>) -> Result<Name, Error> {
    fields.version()?;
    fields.u32()?;
    fields.name()
}

fn refuse_other_files(dinf: &Part<'_>) -> Result<(), Error> {
    for child in dinf.children() {
        let (name, dref) = child?;
        if name != *b"dref" {
            continue;
        }
        for entry in dref.after(8, name)?.children() {
            let (kind, entry) = entry?;
            if entry.fields(kind).version()?.1 & 1 == 0 {
                return Err(unsupported("a track whose samples lie in another file"));
            }
        }
    }
    Ok(())
}

/// The size in the one sample entry of a track of AV1, and the boxes in it (ISO/IEC 14496-12, 12.1.3).
fn sample_entry<'a>(stsd: &Part<'a>) -> Result<((u16, u16), Part<'a>), Error> {
    let mut fields = stsd.fields(*b"stsd");
    fields.version()?;
    if fields.u32()? != 1 {
        return Err(unsupported("a track whose samples have several descriptions"));
    }
    let entry = stsd.after(8, *b"stsd")?.children().next();
    let (name, entry) = entry.ok_or_else(|| damaged("the box `stsd` is empty"))??;
    if name != *b"av01" {
        return Err(unsupported(&format!("a track of `{}`, which is not AV1", name.escape_ascii())));
    }
    let mut fields = entry.fields(name);
    fields.take(24)?;
    let size = (fields.u16()?, fields.u16()?);
    Ok((size, entry.after(78, name)?))
}
