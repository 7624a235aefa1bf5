//! Writes a new AVIF from the parts of a source AVIF.

use std::ops::Range;

use super::metadata::XMP;
use super::still::{StillImage, StillItem};
use super::track::{Edit, IDENTITY_MATRIX, Movie, Track};
use super::{damaged, unsupported};
use crate::Error;
use avif::boxes::{FourCc, build_box, build_full_box};

/// Brands that are copied from the source file, in addition to `avif`, `avis` and `tmap`.
const COPIED_BRANDS: [&FourCc; 9] = [b"avio", b"mif1", b"mif2", b"miaf", b"MA1A", b"MA1B", b"msf1", b"iso8", b"msf2"];

/// Builds the file: `ftyp`, `meta`, `moov`, and `mdat` with the media data.
pub(super) fn build_file(
    brands: &[FourCc],
    still: Option<&StillImage>,
    movie: Option<&Movie<'_>>,
    media: &[u8],
) -> Result<Vec<u8>, Error> {
    let ftyp = build_ftyp(brands, still, movie)?;
    let header = |start: u32| -> Result<Vec<u8>, Error> {
        let meta = still.map(|still| build_meta(still, start)).transpose()?.unwrap_or_default();
        let moov = movie.map(|movie| build_moov(movie, start)).transpose()?.unwrap_or_default();
        Ok([&ftyp[..], &meta, &moov].concat())
    };
    // The length of the boxes does not depend on the position of the media data.
    let length = header(0)?.len();
    let start = u32::try_from(length + 8);
    let end = u32::try_from(length + 8 + media.len());
    let (Ok(start), Ok(end)) = (start, end) else { return Err(unsupported("a file of 4 GiB or more")) };
    let mut file = header(start)?;
    file.reserve_exact(8 + media.len());
    file.extend((end - start + 8).to_be_bytes());
    file.extend(b"mdat");
    file.extend_from_slice(media);
    Ok(file)
}

fn build_ftyp(brands: &[FourCc], still: Option<&StillImage>, movie: Option<&Movie<'_>>) -> Result<Vec<u8>, Error> {
    let major = match (brands.first(), still, movie) {
        (Some(b"avif"), None, _) | (_, None, None) => {
            return Err(damaged("an image needs a box `meta` with a primary item"));
        }
        (Some(b"avis"), _, None) => return Err(damaged("a sequence needs a box `moov`")),
        (Some(b"avif"), Some(_), _) | (_, Some(_), None) => *b"avif",
        (_, _, Some(_)) => *b"avis",
    };
    let is_written = |brand: &FourCc| match brand {
        b"avif" => still.is_some(),
        b"avis" => movie.is_some(),
        b"tmap" => still.is_some_and(|still| still.gain_map.is_some()),
        brand => COPIED_BRANDS.contains(&brand),
    };
    let mut compatible = vec![major];
    for brand in brands.iter().filter(|brand| is_written(brand)) {
        if !compatible.contains(brand) {
            compatible.push(*brand);
        }
    }
    Ok(build_box(*b"ftyp", &[&major, &[0; 4], compatible.as_flattened()]))
}

/// Builds the `meta` box of an image. `start` is the position of the media data in the file.
fn build_meta(still: &StillImage, start: u32) -> Result<Vec<u8>, Error> {
    let StillImage { items, references, gain_map, .. } = still;
    let count = u16::try_from(items.len())
        .map_err(|_| unsupported("an image has more items than identifiers of 16 bits can address"))?;
    let mut iref = vec![];
    for reference in references {
        let numbers = [reference.from, u16::try_from(reference.to.len()).unwrap_or(u16::MAX)];
        let numbers = numbers.iter().chain(&reference.to).flat_map(|number| number.to_be_bytes());
        iref.extend(build_box(reference.kind, &[&numbers.collect::<Vec<_>>()]));
    }
    let group = gain_map.map(|map| {
        let numbers = [u32::from(count) + 1, 2, map.into(), 1].map(u32::to_be_bytes);
        build_box(*b"grpl", &[&build_full_box(*b"altr", 0, 0, &[numbers.as_flattened()])])
    });
    let contents = [
        build_hdlr(*b"pict"),
        build_full_box(*b"pitm", 0, 0, &[&1_u16.to_be_bytes()]),
        build_item_lists(items, count, start)?,
        if iref.is_empty() { vec![] } else { build_full_box(*b"iref", 0, 0, &[&iref]) },
        build_box(
            *b"iprp",
            &[&build_box(*b"ipco", &[&still.properties.concat()]), &build_ipma(items, still.properties.len())],
        ),
        group.unwrap_or_default(),
    ];
    Ok(build_full_box(*b"meta", 0, 0, &[&contents.concat()]))
}

/// Builds the boxes `iloc` and `iinf`, which list the items. The identifiers of the items are 1 to `count`.
fn build_item_lists(items: &[StillItem], count: u16, start: u32) -> Result<Vec<u8>, Error> {
    let mut iloc = [&[0x44, 0][..], &count.to_be_bytes()].concat();
    let mut iinf = count.to_be_bytes().to_vec();
    for (id, item) in (1..=count).zip(items) {
        // Each item has one extent, which is in this file.
        iloc.extend([&id.to_be_bytes()[..], &[0, 0, 0, 1]].concat());
        iloc.extend(
            [file_offset(start, item.range.start)?, file_offset(0, item.range.len())?].map(u32::to_be_bytes).concat(),
        );
        // The name is empty. The only item of the type `mime` is XMP.
        let content_type = if item.kind == *b"mime" { [XMP, b"\0"].concat() } else { vec![] };
        let entry = [&id.to_be_bytes()[..], &[0; 2], &item.kind, b"\0", &content_type];
        iinf.extend(build_full_box(*b"infe", 2, item.is_hidden.into(), &entry));
    }
    Ok([build_full_box(*b"iloc", 0, 0, &[&iloc]), build_full_box(*b"iinf", 0, 0, &[&iinf])].concat())
}

/// Builds the `meta` box of a track. All its items describe the track.
fn build_track_meta(items: &[StillItem], start: u32) -> Result<Vec<u8>, Error> {
    let count = u16::try_from(items.len()).unwrap_or(u16::MAX);
    let lists = build_item_lists(items, count, start)?;
    Ok(if items.is_empty() { vec![] } else { build_full_box(*b"meta", 0, 0, &[&build_hdlr(*b"pict"), &lists]) })
}

fn build_ipma(items: &[StillItem], properties: usize) -> Vec<u8> {
    // Indices of 15 bits are used only if 7 bits are too few.
    let is_wide = properties > 127;
    let is_image = |item: &StillItem| !matches!(&item.kind, b"Exif" | b"mime");
    let images: Vec<_> = (1_u16..).zip(items).filter(|(_, item)| is_image(item)).collect();
    let mut content = u32::try_from(images.len()).unwrap_or(u32::MAX).to_be_bytes().to_vec();
    for (id, item) in images {
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
    build_full_box(*b"ipma", 0, is_wide.into(), &[&content])
}

/// Builds the `moov` box of a sequence. `start` is the position of the media data in the file.
fn build_moov(movie: &Movie<'_>, start: u32) -> Result<Vec<u8>, Error> {
    let next = if movie.alpha.is_some() { 3_u32 } else { 2 };
    let mvhd = build_full_box(
        *b"mvhd",
        1,
        0,
        &[
            // The creation and modification times are 0.
            &[0; 16],
            &movie.timescale.to_be_bytes(),
            &movie.duration.to_be_bytes(),
            // The rate and the volume are 1.
            &[0, 1, 0, 0, 1, 0],
            &[0; 10],
            IDENTITY_MATRIX.map(u32::to_be_bytes).as_flattened(),
            &[0; 24],
            &next.to_be_bytes(),
        ],
    );
    let premultiplied = movie.is_premultiplied.then_some((*b"prem", 2_u32));
    let color = build_trak(&movie.color, 1, *b"pict", premultiplied, &movie.descriptions, start)?;
    let alpha = movie.alpha.as_ref().map(|alpha| build_trak(alpha, 2, *b"auxv", Some((*b"auxl", 1)), &[], start));
    Ok(build_box(*b"moov", &[&mvhd, &color, &alpha.transpose()?.unwrap_or_default()]))
}

fn build_trak(
    track: &Track,
    id: u32,
    kind: FourCc,
    to: Option<(FourCc, u32)>,
    descriptions: &[StillItem],
    start: u32,
) -> Result<Vec<u8>, Error> {
    let tkhd = build_full_box(
        *b"tkhd",
        1,
        track.flags,
        &[
            &[0; 16],
            &id.to_be_bytes(),
            &[0; 4],
            &track.duration.to_be_bytes(),
            // Layer, alternate group and volume are 0.
            &[0; 16],
            track.matrix.map(u32::to_be_bytes).as_flattened(),
            &track.size.0.to_be_bytes(),
            &track.size.1.to_be_bytes(),
        ],
    );
    let tref = to.map(|(kind, id)| build_box(*b"tref", &[&build_box(kind, &[&id.to_be_bytes()])]));
    let edts = track.edit.map(|Edit { flags, duration, start, rate }| {
        let numbers = [&1_u32.to_be_bytes()[..], &duration.to_be_bytes(), &start.to_be_bytes(), &rate.to_be_bytes()];
        build_box(*b"edts", &[&build_full_box(*b"elst", 1, flags, &numbers)])
    });
    let (timescale, duration) = (track.media_timescale.to_be_bytes(), track.media_duration.to_be_bytes());
    // The language is "und" (undetermined).
    let mdhd = build_full_box(*b"mdhd", 1, 0, &[&[0; 16], &timescale, &duration, &[0x55, 0xc4, 0, 0]]);
    let dref = build_full_box(*b"dref", 0, 0, &[&1_u32.to_be_bytes(), &build_full_box(*b"url ", 0, 1, &[])]);
    let minf =
        [build_full_box(*b"vmhd", 0, 1, &[&[0; 8]]), build_box(*b"dinf", &[&dref]), build_stbl(track, start)?].concat();
    let mdia = build_box(*b"mdia", &[&mdhd, &build_hdlr(kind), &build_box(*b"minf", &[&minf])]);
    let meta = build_track_meta(descriptions, start)?;
    Ok(build_box(*b"trak", &[&tkhd, &tref.unwrap_or_default(), &edts.unwrap_or_default(), &meta, &mdia]))
}

/// Builds the sample table. Each sample is a chunk of its own, because the first sample and the primary item may share
/// their data.
fn build_stbl(track: &Track, start: u32) -> Result<Vec<u8>, Error> {
    let count = file_offset(0, track.samples.len())?;
    let numbers = |numbers: &mut dyn Iterator<Item = Result<u32, Error>>| {
        let mut bytes = vec![];
        for number in numbers {
            bytes.extend(number?.to_be_bytes());
        }
        Ok::<_, Error>(bytes)
    };
    let lengths = numbers(&mut track.samples.iter().map(|sample| file_offset(0, sample.len())))?;
    let starts = numbers(&mut track.samples.iter().map(|Range { start: position, .. }| file_offset(start, *position)))?;
    let durations = numbers(&mut track.durations.iter().flat_map(|&(count, ticks)| [Ok(count), Ok(ticks)]))?;
    let sync = track.sync_samples.as_ref().map(|sync| {
        let list = numbers(&mut sync.iter().map(|number| Ok(*number)))?;
        Ok::<_, Error>(build_full_box(*b"stss", 0, 0, &[&file_offset(0, sync.len())?.to_be_bytes(), &list]))
    });
    let tables = [
        build_stsd(track),
        build_full_box(*b"stts", 0, 0, &[&file_offset(0, track.durations.len())?.to_be_bytes(), &durations]),
        build_full_box(*b"stsc", 0, 0, &[[1_u32; 4].map(u32::to_be_bytes).as_flattened()]),
        build_full_box(*b"stsz", 0, 0, &[&[0; 4], &count.to_be_bytes(), &lengths]),
        build_full_box(*b"stco", 0, 0, &[&count.to_be_bytes(), &starts]),
        sync.transpose()?.unwrap_or_default(),
    ];
    Ok(build_box(*b"stbl", &[&tables.concat()]))
}

fn build_stsd(track: &Track) -> Vec<u8> {
    let entry = build_box(
        *b"av01",
        &[
            // The entry uses the first data reference.
            &[0, 0, 0, 0, 0, 0, 0, 1],
            &[0; 16],
            &track.entry_size.0.to_be_bytes(),
            &track.entry_size.1.to_be_bytes(),
            // The resolution is 72 dots per inch, and each sample contains one frame.
            &[0, 0x48, 0, 0, 0, 0x48, 0, 0, 0, 0, 0, 0, 0, 1],
            // The compressor name is empty.
            &[0; 32],
            &[0, 0x18, 0xff, 0xff],
            &track.properties.concat(),
        ],
    );
    build_full_box(*b"stsd", 0, 0, &[&1_u32.to_be_bytes(), &entry])
}

/// Builds a handler box without a name.
fn build_hdlr(kind: FourCc) -> Vec<u8> {
    build_full_box(*b"hdlr", 0, 0, &[&[0; 4], &kind, &[0; 13]])
}

fn file_offset(start: u32, position: usize) -> Result<u32, Error> {
    let position = u32::try_from(position).ok().and_then(|position| position.checked_add(start));
    position.ok_or_else(|| unsupported("a file of 4 GiB or more"))
}
