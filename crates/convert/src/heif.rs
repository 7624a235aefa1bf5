//! The boxes around an AVIF's pictures (ISO/IEC 14496-12, 4.2; ISO/IEC 23008-12): its brands, and where its metadata lies.

use std::borrow::Cow;
use std::collections::HashMap;
use std::ops::Range;

use crate::av1;

/// An Exif item (ISO/IEC 23008-12, annex A.2.1) whose one directory has no entry.
const EMPTY_EXIF: &[u8] = b"\0\0\0\0II*\0\x08\0\0\0\0\0\0\0\0\0";
/// An XMP packet that says nothing.
const EMPTY_XMP: &[u8] = b"<x:xmpmeta xmlns:x=\"adobe:ns:meta/\"/>";

/// The brands that a file claims in its first box, if that is an `ftyp`: the major one, then those it is compatible with.
pub(crate) fn brands(file: &[u8]) -> Vec<[u8; 4]> {
    match boxes(file, 0..file.len()).next() {
        Some((kind, content)) if kind == *b"ftyp" => {
            // Between the first and the others stands a version.
            let brands = file[content].as_chunks().0.iter().enumerate().filter(|(index, _)| *index != 1);
            brands.map(|(_, brand)| *brand).collect()
        }
        _ => vec![],
    }
}

/// The same file with nothing in its Exif and XMP. Every other byte is what it was and stays in its place, so that no box
/// has to be written anew. Nothing where that would be more bytes than the file has, which no writer makes it.
pub(crate) fn without_metadata(file: &[u8]) -> Option<Cow<'_, [u8]>> {
    let mut copy = Cow::Borrowed(file);
    let mut left = file.len();
    for Item { kind, spans } in items(file) {
        let (empty, padding) = match kind {
            Kind::Exif => (EMPTY_EXIF, b'\0'),
            Kind::Xmp => (EMPTY_XMP, b' '),
            Kind::Coded | Kind::GainMap => continue,
        };
        let length = spans.iter().map(Range::len).fold(0, usize::saturating_add);
        left = left.checked_sub(length)?;
        // A shorter one has no room for a word.
        if length < empty.len() {
            continue;
        }
        let mut filling = empty.iter().copied().chain(std::iter::repeat(padding));
        for span in spans {
            copy.to_mut()[span].iter_mut().zip(&mut filling).for_each(|(byte, filling)| *byte = filling);
        }
    }
    Some(copy)
}

/// Whether a gain map goes along (ISO/IEC 23008-12, 6.6.2.4).
pub(crate) fn has_gain_map(file: &[u8]) -> bool {
    items(file).iter().any(|item| item.kind == Kind::GainMap)
}

/// The pixels of the largest frame that the file's pictures and the first ones of its tracks allow; nothing where they
/// claim more bytes than the file has, which no writer makes them do.
pub(crate) fn largest_frame(file: &[u8]) -> Option<u64> {
    let coded = items(file).into_iter().filter(|item| item.kind == Kind::Coded).map(|item| item.spans);
    let samples = tracks(file);
    let samples = samples.iter().filter_map(|track| first_sample(file, track)).map(|sample| vec![sample]);
    let mut coded: Vec<_> = coded.chain(samples).collect();
    // Pictures of a grid may share what they are made of.
    coded.sort_unstable_by_key(|spans| spans.iter().map(|span| (span.start, span.end)).collect::<Vec<_>>());
    coded.dedup();
    let bytes = coded.iter().flatten().map(Range::len).fold(0, usize::saturating_add);
    (bytes <= file.len()).then(|| {
        let frames = coded.iter().map(|spans| match &spans[..] {
            [span] => av1::largest_frame(&file[span.clone()]),
            spans => {
                av1::largest_frame(&spans.iter().flat_map(|span| &file[span.clone()]).copied().collect::<Vec<_>>())
            }
        });
        frames.max().unwrap_or(0)
    })
}

/// Something in the file that is no box, and where it lies.
struct Item {
    kind: Kind,
    spans: Vec<Range<usize>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Exif,
    Xmp,
    /// AV1.
    Coded,
    GainMap,
}

/// The items of those kinds.
fn items(file: &[u8]) -> Vec<Item> {
    let mut items = vec![];
    for meta in metas(file) {
        // Its version and flags come first.
        let within = meta.start.saturating_add(4).min(meta.end)..meta.end;
        let find = |name| all(file, &within, name).into_iter().next();
        let (Some(infos), Some(places)) = (find(*b"iinf"), find(*b"iloc")) else { continue };
        let kinds: HashMap<u64, Kind> = kinds(file, infos).collect();
        let places = extents(&file[places], file.len(), find(*b"idat").as_ref()).unwrap_or_default();
        let known = places.into_iter().filter_map(|(id, spans)| Some(Item { kind: *kinds.get(&id)?, spans }));
        items.extend(known);
    }
    items
}

/// Where the first picture of a track lies (ISO/IEC 14496-12, 8.7.3 and 8.7.5).
fn first_sample(file: &[u8], track: &Range<usize>) -> Option<Range<usize>> {
    let step = |within: Range<usize>, name| all(file, &within, name).into_iter().next();
    let table = [*b"mdia", *b"minf", *b"stbl"].into_iter().try_fold(track.clone(), step)?;
    // Behind version and flags.
    let field = |name, at: usize, bytes: u64| {
        let number = Fields(file[step(table.clone(), name)?].get(4 + at..)?).number(bytes)?;
        usize::try_from(number).ok()
    };
    let start = field(*b"stco", 4, 4).or_else(|| field(*b"co64", 4, 8))?;
    // One size for all, or a list of them.
    let size = field(*b"stsz", 0, 4).filter(|size| *size > 0).or_else(|| field(*b"stsz", 8, 4))?;
    start.checked_add(size).filter(|end| *end <= file.len()).map(|end| start..end)
}

/// Kinds and contents of the boxes that stand there one after the other.
fn boxes(file: &[u8], mut within: Range<usize>) -> impl Iterator<Item = ([u8; 4], Range<usize>)> {
    std::iter::from_fn(move || {
        let mut fields = Fields(file.get(within.clone())?);
        let (size, kind) = (fields.number(4)?, fields.bytes(4)?);
        let (header, size) = match size {
            0 => (8, within.len()),
            1 => (16, usize::try_from(fields.number(8)?).ok()?),
            size => (8, usize::try_from(size).ok()?),
        };
        if size < header || size > within.len() {
            return None;
        }
        let content = within.start + header..within.start + size;
        within.start += size;
        Some((kind.try_into().ok()?, content))
    })
}

/// Where `meta` boxes lie: the file's own, a movie's, and its tracks'.
fn metas(file: &[u8]) -> Vec<Range<usize>> {
    let meta = |within: &Range<usize>| all(file, within, *b"meta");
    let whole = 0..file.len();
    let movies = all(file, &whole, *b"moov");
    let tracks = tracks(file);
    [&[whole], &movies[..], &tracks].concat().iter().flat_map(meta).collect()
}

/// A movie's tracks.
fn tracks(file: &[u8]) -> Vec<Range<usize>> {
    all(file, &(0..file.len()), *b"moov").iter().flat_map(|movie| all(file, movie, *b"trak")).collect()
}

/// The contents of the boxes of one kind.
fn all(file: &[u8], within: &Range<usize>, name: [u8; 4]) -> Vec<Range<usize>> {
    boxes(file, within.clone()).filter(|(kind, _)| *kind == name).map(|(_, content)| content).collect()
}

/// Identifiers and kinds of items (ISO/IEC 14496-12, 8.11.6).
fn kinds(file: &[u8], infos: Range<usize>) -> impl Iterator<Item = (u64, Kind)> {
    // Its version decides how wide the number of entries is, which nobody needs to know.
    let entries = infos.start.saturating_add(if file.get(infos.start) == Some(&0) { 6 } else { 8 });
    boxes(file, entries..infos.end).filter_map(|(_, content)| kind(&file[content]))
}

fn kind(entry: &[u8]) -> Option<(u64, Kind)> {
    let mut fields = Fields(entry);
    let version = fields.number(1)?;
    fields.bytes(3)?;
    let id = fields.number(if version == 2 { 2 } else { 4 })?;
    fields.bytes(2)?;
    match fields.bytes(4)? {
        b"Exif" => Some((id, Kind::Exif)),
        b"av01" => Some((id, Kind::Coded)),
        b"tmap" => Some((id, Kind::GainMap)),
        b"mime" => {
            // The item's name, and then what it is.
            let content_type = fields.0.split(|&byte| byte == 0).nth(1)?;
            (content_type == b"application/rdf+xml").then_some((id, Kind::Xmp))
        }
        _ => None,
    }
}

/// Where each item's bytes lie in the file (ISO/IEC 14496-12, 8.11.3).
fn extents(places: &[u8], length: usize, idat: Option<&Range<usize>>) -> Option<Vec<(u64, Vec<Range<usize>>)>> {
    let mut fields = Fields(places);
    let version = fields.number(1)?;
    fields.bytes(3)?;
    let (sizes, more_sizes) = (fields.number(1)?, fields.number(1)?);
    let (offset_size, length_size, base_size) = (sizes >> 4, sizes & 15, more_sizes >> 4);
    let index_size = if version == 0 { 0 } else { more_sizes & 15 };
    // The standard's two; extents without a length would take no room here, and could be claimed without end.
    if !matches!(length_size, 4 | 8) {
        return None;
    }
    let wide = if version < 2 { 2 } else { 4 };
    let mut items = vec![];
    for _ in 0..fields.number(wide)? {
        let id = fields.number(wide)?;
        let in_idat = version > 0 && fields.number(2)? & 15 == 1;
        fields.bytes(2)?;
        let base = fields.number(base_size)?;
        let whole = if in_idat { idat?.clone() } else { 0..length };
        let mut spans = vec![];
        for _ in 0..fields.number(2)? {
            fields.number(index_size)?;
            let start = usize::try_from(base.checked_add(fields.number(offset_size)?)?).ok()?;
            let start = whole.start.checked_add(start)?;
            let end = start.checked_add(usize::try_from(fields.number(length_size)?).ok()?)?;
            if end > whole.end {
                return None;
            }
            spans.push(start..end);
        }
        items.push((id, spans));
    }
    Some(items)
}

/// Big-endian fields one after the other.
struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn bytes(&mut self, count: usize) -> Option<&'a [u8]> {
        let (bytes, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(bytes)
    }

    /// Of at most 8 bytes; of none, it is 0.
    fn number(&mut self, bytes: u64) -> Option<u64> {
        let bytes = self.bytes(usize::try_from(bytes).ok().filter(|&bytes| bytes <= 8)?)?;
        Some(bytes.iter().fold(0, |number, &byte| number << 8 | u64::from(byte)))
    }
}
