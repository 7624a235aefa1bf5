//! An AVIF from what was read of one.

use std::ops::Range;

use super::boxes::{Name, boxed, full};
use super::still::{Still, StillItem};
use super::track::{Edit, Movie, Track};
use super::{damaged, unsupported};
use crate::Error;

/// The brands that are written where the file had them, besides those of images and of sequences.
const BRANDS: [&Name; 9] = [b"avio", b"mif1", b"mif2", b"miaf", b"MA1A", b"MA1B", b"msf1", b"iso8", b"msf2"];
/// The matrix that changes nothing, of a movie.
const UNITY: [u32; 9] = [0x1_0000, 0, 0, 0, 0x1_0000, 0, 0, 0, 0x4000_0000];

/// The file: `ftyp`, `meta`, `moov` and `mdat`, which holds the media.
pub(super) fn file(
    brands: &[Name],
    still: Option<&Still>,
    movie: Option<&Movie<'_>>,
    media: &[u8],
) -> Result<Vec<u8>, Error> {
    let ftyp = ftyp(brands, still, movie)?;
    let header = |start: u32| -> Result<Vec<u8>, Error> {
        let meta = still.map(|still| meta(still, start)).transpose()?.unwrap_or_default();
        let moov = movie.map(|movie| moov(movie, start)).transpose()?.unwrap_or_default();
        Ok([&ftyp[..], &meta, &moov].concat())
    };
    // Its length does not depend on where the media starts.
    let length = header(0)?.len();
    let start = u32::try_from(length + 8);
    let end = u32::try_from(length + 8 + media.len());
    let (Ok(start), Ok(end)) = (start, end) else { return Err(unsupported("a file of 4 GiB")) };
    let mut file = header(start)?;
    file.reserve_exact(8 + media.len());
    file.extend((end - start + 8).to_be_bytes());
    file.extend(b"mdat");
    file.extend_from_slice(media);
    Ok(file)
}

fn ftyp(brands: &[Name], still: Option<&Still>, movie: Option<&Movie<'_>>) -> Result<Vec<u8>, Error> {
    let major = match (brands.first(), still, movie) {
        (Some(b"avif"), None, _) | (_, None, None) => {
            return Err(damaged("an image needs a box `meta` with a primary item"));
        }
        (Some(b"avis"), _, None) => return Err(damaged("a sequence needs a box `moov`")),
        (Some(b"avif"), Some(_), _) | (_, Some(_), None) => *b"avif",
        (_, _, Some(_)) => *b"avis",
    };
    let is_written = |brand: &Name| match brand {
        b"avif" => still.is_some(),
        b"avis" => movie.is_some(),
        b"tmap" => still.is_some_and(|still| still.gain_map.is_some()),
        brand => BRANDS.contains(&brand),
    };
    let mut compatible = vec![major];
    for brand in brands.iter().filter(|brand| is_written(brand)) {
        if !compatible.contains(brand) {
            compatible.push(*brand);
        }
    }
    Ok(boxed(*b"ftyp", &[&major, &[0; 4], compatible.as_flattened()]))
}

/// The `meta` box of an image, for media that starts there in the file.
fn meta(still: &Still, start: u32) -> Result<Vec<u8>, Error> {
    let Still { items, references, gain_map, .. } = still;
    let count = u16::try_from(items.len()).map_err(|_| unsupported("more items than an identifier of 16 bits has"))?;
    let ids = 1..=count;
    let mut iloc = [&[0x44, 0][..], &count.to_be_bytes()].concat();
    let mut iinf = count.to_be_bytes().to_vec();
    for (id, item) in ids.clone().zip(items) {
        // One extent of this file.
        iloc.extend([&id.to_be_bytes()[..], &[0, 0, 0, 1]].concat());
        iloc.extend([offset(start, item.place.start)?, offset(0, item.place.len())?].map(u32::to_be_bytes).concat());
        let entry = [&id.to_be_bytes()[..], &[0; 2], &item.kind, b"\0"];
        iinf.extend(full(*b"infe", 2, item.is_hidden.into(), &entry));
    }
    let mut iref = vec![];
    for reference in references {
        let numbers = [reference.from, u16::try_from(reference.to.len()).unwrap_or(u16::MAX)];
        let numbers = numbers.iter().chain(&reference.to).flat_map(|number| number.to_be_bytes());
        iref.extend(boxed(reference.kind, &[&numbers.collect::<Vec<_>>()]));
    }
    let group = gain_map.map(|map| {
        let numbers = [u32::from(count) + 1, 2, map.into(), 1].map(u32::to_be_bytes);
        boxed(*b"grpl", &[&full(*b"altr", 0, 0, &[numbers.as_flattened()])])
    });
    let contents = [
        handler(*b"pict"),
        full(*b"pitm", 0, 0, &[&1_u16.to_be_bytes()]),
        full(*b"iloc", 0, 0, &[&iloc]),
        full(*b"iinf", 0, 0, &[&iinf]),
        if iref.is_empty() { vec![] } else { full(*b"iref", 0, 0, &[&iref]) },
        boxed(
            *b"iprp",
            &[&boxed(*b"ipco", &[&still.properties.concat()]), &associations(items, still.properties.len())],
        ),
        group.unwrap_or_default(),
    ];
    Ok(full(*b"meta", 0, 0, &[&contents.concat()]))
}

fn associations(items: &[StillItem], properties: usize) -> Vec<u8> {
    // Indices of 15 bits only where 7 do not suffice.
    let is_wide = properties > 127;
    let mut content = u32::try_from(items.len()).unwrap_or(u32::MAX).to_be_bytes().to_vec();
    for (id, item) in (1_u16..).zip(items) {
        content.extend(id.to_be_bytes());
        content.push(u8::try_from(item.properties.len()).unwrap_or(u8::MAX));
        for &(index, is_essential) in &item.properties {
            let [high, low] = (index | if is_essential { 1 << 15 } else { 0 }).to_be_bytes();
            if is_wide {
                content.extend([high, low]);
            } else {
                content.push(low | high & 0x80);
            }
        }
    }
    full(*b"ipma", 0, is_wide.into(), &[&content])
}

/// The `moov` box of a sequence, for media that starts there in the file.
fn moov(movie: &Movie<'_>, start: u32) -> Result<Vec<u8>, Error> {
    let next = if movie.alpha.is_some() { 3_u32 } else { 2 };
    let mvhd = full(
        *b"mvhd",
        1,
        0,
        &[
            // The times at which it was made and changed.
            &[0; 16],
            &movie.timescale.to_be_bytes(),
            &movie.duration.to_be_bytes(),
            // Rate and volume are one.
            &[0, 1, 0, 0, 1, 0],
            &[0; 10],
            UNITY.map(u32::to_be_bytes).as_flattened(),
            &[0; 24],
            &next.to_be_bytes(),
        ],
    );
    let premultiplied = movie.is_premultiplied.then_some((*b"prem", 2_u32));
    let color = trak(&movie.color, 1, *b"pict", premultiplied, start)?;
    let alpha = movie.alpha.as_ref().map(|alpha| trak(alpha, 2, *b"auxv", Some((*b"auxl", 1)), start));
    Ok(boxed(*b"moov", &[&mvhd, &color, &alpha.transpose()?.unwrap_or_default()]))
}

fn trak(track: &Track, id: u32, kind: Name, to: Option<(Name, u32)>, start: u32) -> Result<Vec<u8>, Error> {
    let tkhd = full(
        *b"tkhd",
        1,
        track.flags,
        &[
            &[0; 16],
            &id.to_be_bytes(),
            &[0; 4],
            &track.duration.to_be_bytes(),
            // Layer, alternate group and volume are none.
            &[0; 16],
            track.matrix.map(u32::to_be_bytes).as_flattened(),
            &track.size.0.to_be_bytes(),
            &track.size.1.to_be_bytes(),
        ],
    );
    let tref = to.map(|(kind, id)| boxed(*b"tref", &[&boxed(kind, &[&id.to_be_bytes()])]));
    let edts = track.edit.map(|Edit { flags, duration, start, rate }| {
        let numbers = [&1_u32.to_be_bytes()[..], &duration.to_be_bytes(), &start.to_be_bytes(), &rate.to_be_bytes()];
        boxed(*b"edts", &[&full(*b"elst", 1, flags, &numbers)])
    });
    let (timescale, duration) = (track.media_timescale.to_be_bytes(), track.media_duration.to_be_bytes());
    // The language is undetermined.
    let mdhd = full(*b"mdhd", 1, 0, &[&[0; 16], &timescale, &duration, &[0x55, 0xc4, 0, 0]]);
    let dref = full(*b"dref", 0, 0, &[&1_u32.to_be_bytes(), &full(*b"url ", 0, 1, &[])]);
    let minf = [full(*b"vmhd", 0, 1, &[&[0; 8]]), boxed(*b"dinf", &[&dref]), stbl(track, start)?].concat();
    let mdia = boxed(*b"mdia", &[&mdhd, &handler(kind), &boxed(*b"minf", &[&minf])]);
    Ok(boxed(*b"trak", &[&tkhd, &tref.unwrap_or_default(), &edts.unwrap_or_default(), &mdia]))
}

/// The sample table. Each sample is a chunk of its own: the first may be shared with the primary item.
fn stbl(track: &Track, start: u32) -> Result<Vec<u8>, Error> {
    let count = offset(0, track.samples.len())?;
    let numbers = |numbers: &mut dyn Iterator<Item = Result<u32, Error>>| {
        let mut bytes = vec![];
        for number in numbers {
            bytes.extend(number?.to_be_bytes());
        }
        Ok::<_, Error>(bytes)
    };
    let lengths = numbers(&mut track.samples.iter().map(|sample| offset(0, sample.len())))?;
    let starts = numbers(&mut track.samples.iter().map(|Range { start: place, .. }| offset(start, *place)))?;
    let durations = numbers(&mut track.durations.iter().flat_map(|&(count, ticks)| [Ok(count), Ok(ticks)]))?;
    let sync = track.sync.as_ref().map(|sync| {
        let list = numbers(&mut sync.iter().map(|number| Ok(*number)))?;
        Ok::<_, Error>(full(*b"stss", 0, 0, &[&offset(0, sync.len())?.to_be_bytes(), &list]))
    });
    let tables = [
        stsd(track),
        full(*b"stts", 0, 0, &[&offset(0, track.durations.len())?.to_be_bytes(), &durations]),
        full(*b"stsc", 0, 0, &[[1_u32; 4].map(u32::to_be_bytes).as_flattened()]),
        full(*b"stsz", 0, 0, &[&[0; 4], &count.to_be_bytes(), &lengths]),
        full(*b"stco", 0, 0, &[&count.to_be_bytes(), &starts]),
        sync.transpose()?.unwrap_or_default(),
    ];
    Ok(boxed(*b"stbl", &[&tables.concat()]))
}

fn stsd(track: &Track) -> Vec<u8> {
    let entry = boxed(
        *b"av01",
        &[
            // The first data reference.
            &[0, 0, 0, 0, 0, 0, 0, 1],
            &[0; 16],
            &track.entry_size.0.to_be_bytes(),
            &track.entry_size.1.to_be_bytes(),
            // 72 dots an inch, and one frame in each sample.
            &[0, 0x48, 0, 0, 0, 0x48, 0, 0, 0, 0, 0, 0, 0, 1],
            // No compressor's name.
            &[0; 32],
            &[0, 0x18, 0xff, 0xff],
            &track.properties.concat(),
        ],
    );
    full(*b"stsd", 0, 0, &[&1_u32.to_be_bytes(), &entry])
}

/// A handler without a name.
fn handler(kind: Name) -> Vec<u8> {
    full(*b"hdlr", 0, 0, &[&[0; 4], &kind, &[0; 13]])
}

fn offset(start: u32, place: usize) -> Result<u32, Error> {
    let place = u32::try_from(place).ok().and_then(|place| place.checked_add(start));
    place.ok_or_else(|| unsupported("a file of 4 GiB"))
}
