//! A track's table of samples (ISO/IEC 14496-12, 8.5 to 8.7).

use std::ops::Range;

use super::boxes::{Fields, Name, Part};
use super::{damaged, once, unsupported};
use crate::Error;

/// The most samples of a track: a quarter of an hour at 60 a second. libavif takes about 200 bytes for each.
pub(super) const MOST_SAMPLES: usize = 1 << 16;

/// The boxes of a sample table that are read.
#[derive(Default)]
pub(super) struct SampleTable<'a> {
    pub(super) descriptions: Option<Part<'a>>,
    durations: Option<Part<'a>>,
    sync: Option<Part<'a>>,
    chunk_lengths: Option<Part<'a>>,
    sizes: Option<Part<'a>>,
    /// Offsets of chunks, and how many bytes each takes.
    chunks: Option<(Part<'a>, usize)>,
}

/// What the table says.
pub(super) struct Samples {
    /// Where each lies in the file.
    pub(super) places: Vec<Range<usize>>,
    /// Numbers of samples, and the duration of each of them.
    pub(super) durations: Vec<(u32, u32)>,
    /// Numbers of samples that can be decoded alone, counted from 1; none where all can.
    pub(super) sync: Option<Vec<u32>>,
}

impl<'a> SampleTable<'a> {
    pub(super) fn read(stbl: &Part<'a>) -> Result<Self, Error> {
        let mut table = Self::default();
        for child in stbl.children() {
            let (name, part) = child?;
            match &name {
                b"stsd" => once(&mut table.descriptions, name, part)?,
                b"stts" => once(&mut table.durations, name, part)?,
                b"stss" => once(&mut table.sync, name, part)?,
                b"stsc" => once(&mut table.chunk_lengths, name, part)?,
                b"stsz" => once(&mut table.sizes, name, part)?,
                b"stco" => once(&mut table.chunks, name, (part, 4))?,
                b"co64" => once(&mut table.chunks, name, (part, 8))?,
                b"stz2" | b"ctts" | b"cslg" => {
                    return Err(unsupported(&format!("a track with the box `{}`", name.escape_ascii())));
                }
                // Groups of samples and the like say nothing that decoding needs.
                _ => {}
            }
        }
        Ok(table)
    }

    /// All samples; they may lie over each other.
    pub(super) fn samples(&self) -> Result<Samples, Error> {
        let (mut sizes, one_size, count) = sizes(needed(self.sizes.as_ref(), *b"stsz")?)?;
        let durations = pairs(needed(self.durations.as_ref(), *b"stts")?)?;
        let total = durations.iter().fold(0_u64, |total, (count, _)| total + u64::from(*count));
        if total != count as u64 {
            return Err(damaged("the boxes `stts` and `stsz` have different numbers of samples"));
        }
        let mut next_size = || if one_size > 0 { Ok(one_size) } else { sizes.u32() };
        let places = self.places(count, &mut next_size)?;
        let sync = self.sync.as_ref().map(|sync| numbers(sync, count)).transpose()?;
        Ok(Samples { places, durations, sync })
    }

    fn places(
        &self,
        count: usize,
        next_size: &mut dyn FnMut() -> Result<u32, Error>,
    ) -> Result<Vec<Range<usize>>, Error> {
        let (part, bytes) = self.chunks.as_ref().ok_or_else(|| missing(*b"stco"))?;
        let mut offsets = part.fields(*b"stco");
        offsets.version()?;
        let mut left = offsets.u32()?;
        let runs = chunk_runs(needed(self.chunk_lengths.as_ref(), *b"stsc")?)?;
        let mut places = Vec::with_capacity(count);
        for (index, &(first, length)) in runs.iter().enumerate() {
            let end = runs.get(index + 1).map_or(u32::MAX, |(next, _)| *next);
            for _ in first..end {
                if left == 0 {
                    break;
                }
                left -= 1;
                let mut start = usize::try_from(offsets.number(*bytes)?).unwrap_or(usize::MAX);
                for _ in 0..length {
                    let size = usize::try_from(next_size()?).unwrap_or(usize::MAX);
                    let end = start.checked_add(size).filter(|end| size > 0 && *end <= part.file.len());
                    let end = end.ok_or_else(|| damaged("a sample is empty or lies outside the file"))?;
                    if places.len() == count {
                        return Err(damaged("the box `stsc` has more samples than the box `stsz`"));
                    }
                    places.push(start..end);
                    start = end;
                }
            }
        }
        if places.len() < count {
            return Err(damaged("the box `stsc` has fewer samples than the box `stsz`"));
        }
        Ok(places)
    }
}

/// The sizes that follow, or the one that all have, and how many there are.
fn sizes<'a>(stsz: &Part<'a>) -> Result<(Fields<'a>, u32, usize), Error> {
    let mut fields = stsz.fields(*b"stsz");
    fields.version()?;
    let (one_size, count) = (fields.u32()?, fields.u32()?);
    let count = usize::try_from(count).unwrap_or(usize::MAX);
    if count > MOST_SAMPLES {
        return Err(unsupported(&format!("a track of {count} samples, over {MOST_SAMPLES}")));
    }
    if count == 0 {
        return Err(damaged("a track without samples"));
    }
    Ok((fields, one_size, count))
}

/// The number of the first chunk of each run, and the samples in each of its chunks.
fn chunk_runs(stsc: &Part<'_>) -> Result<Vec<(u32, u32)>, Error> {
    let mut fields = stsc.fields(*b"stsc");
    fields.version()?;
    let mut runs: Vec<(u32, u32)> = vec![];
    for _ in 0..entries(&mut fields)? {
        let (first, length, description) = (fields.u32()?, fields.u32()?, fields.u32()?);
        let after = runs.last().map_or(0, |(first, _)| *first);
        if first <= after || (runs.is_empty() && first != 1) || length == 0 {
            return Err(damaged("the box `stsc` is not in order"));
        }
        if description != 1 {
            return Err(unsupported("a track whose samples have several descriptions"));
        }
        runs.push((first, length));
    }
    Ok(runs)
}

fn pairs(part: &Part<'_>) -> Result<Vec<(u32, u32)>, Error> {
    let mut fields = part.fields(*b"stts");
    fields.version()?;
    (0..entries(&mut fields)?).map(|_| Ok((fields.u32()?, fields.u32()?))).collect()
}

/// Numbers of samples in rising order.
fn numbers(part: &Part<'_>, count: usize) -> Result<Vec<u32>, Error> {
    let mut fields = part.fields(*b"stss");
    fields.version()?;
    let numbers = (0..entries(&mut fields)?).map(|_| fields.u32()).collect::<Result<Vec<_>, _>>()?;
    let is_in_range = |number: &u32| (1..=count).contains(&usize::try_from(*number).unwrap_or(usize::MAX));
    if numbers.iter().all(is_in_range) && numbers.is_sorted_by(|a, b| a < b) {
        Ok(numbers)
    } else {
        Err(damaged("the box `stss` is not in order"))
    }
}

/// The number of a table's entries, which is no more than there can be samples.
fn entries(fields: &mut Fields<'_>) -> Result<u32, Error> {
    let count = fields.u32()?;
    if usize::try_from(count).is_ok_and(|count| count <= MOST_SAMPLES) {
        Ok(count)
    } else {
        let name = fields.name.escape_ascii();
        Err(unsupported(&format!("{count} entries in the box `{name}`, over {MOST_SAMPLES}")))
    }
}

pub(super) fn needed<T>(found: Option<T>, name: Name) -> Result<T, Error> {
    found.ok_or_else(|| missing(name))
}

fn missing(name: Name) -> Error {
    damaged(&format!("a track without the box `{}`", name.escape_ascii()))
}
