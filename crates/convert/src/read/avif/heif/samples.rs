//! The sample table of a track (ISO/IEC 14496-12, 8.5 to 8.7).

use std::ops::Range;

use super::{damaged, set_once, unsupported};
use crate::Error;
use avif::boxes::{FieldReader, FileSlice, FourCc};

/// The maximum number of samples of a track: 18 minutes at 60 frames per second. libavif takes about 200 bytes of
/// memory for each sample.
pub(super) const MAX_SAMPLES: usize = 1 << 16;

/// The boxes of a sample table that this module reads.
#[derive(Default)]
pub(super) struct SampleTable<'a> {
    pub(super) descriptions: Option<FileSlice<'a>>,
    durations: Option<FileSlice<'a>>,
    sync_samples: Option<FileSlice<'a>>,
    samples_per_chunk: Option<FileSlice<'a>>,
    sizes: Option<FileSlice<'a>>,
    /// Offsets of chunks, and the size of each offset in bytes.
    chunk_offsets: Option<(FileSlice<'a>, usize)>,
}

/// The content of a sample table.
pub(super) struct Samples {
    /// The range of each sample in the file.
    pub(super) ranges: Vec<Range<usize>>,
    /// Runs of samples with equal durations: the number of samples, and the duration of each.
    pub(super) durations: Vec<(u32, u32)>,
    /// The numbers of the samples that can be decoded independently, starting at 1. `None` means all samples.
    pub(super) sync: Option<Vec<u32>>,
}

impl<'a> SampleTable<'a> {
    pub(super) fn read(stbl: &FileSlice<'a>) -> Result<Self, Error> {
        let mut table = Self::default();
        for child in stbl.child_boxes() {
            let (name, part) = child?;
            match &name {
                b"stsd" => set_once(&mut table.descriptions, name, part)?,
                b"stts" => set_once(&mut table.durations, name, part)?,
                b"stss" => set_once(&mut table.sync_samples, name, part)?,
                b"stsc" => set_once(&mut table.samples_per_chunk, name, part)?,
                b"stsz" => set_once(&mut table.sizes, name, part)?,
                b"stco" => set_once(&mut table.chunk_offsets, name, (part, 4))?,
                b"co64" => set_once(&mut table.chunk_offsets, name, (part, 8))?,
                b"stz2" | b"ctts" | b"cslg" => {
                    return Err(unsupported(&format!("a track has the box `{}`", name.escape_ascii())));
                }
                // Sample groups and other boxes are not needed for decoding.
                _ => {}
            }
        }
        Ok(table)
    }

    /// Returns all samples. Their ranges may overlap.
    pub(super) fn samples(&self) -> Result<Samples, Error> {
        let (mut sizes, common_size, count) = read_sizes(require(self.sizes.as_ref(), *b"stsz")?)?;
        let durations = read_durations(require(self.durations.as_ref(), *b"stts")?)?;
        let total = durations.iter().fold(0_u64, |total, (count, _)| total + u64::from(*count));
        if total != count as u64 {
            return Err(damaged("the boxes `stts` and `stsz` have different numbers of samples"));
        }
        let mut next_size = || Ok(if common_size > 0 { common_size } else { sizes.u32()? });
        let ranges = self.sample_ranges(count, &mut next_size)?;
        let sync_samples = self.sync_samples.as_ref().map(|sync| read_sync_samples(sync, count)).transpose()?;
        Ok(Samples { ranges, durations, sync: sync_samples })
    }

    fn sample_ranges(
        &self,
        count: usize,
        next_size: &mut dyn FnMut() -> Result<u32, Error>,
    ) -> Result<Vec<Range<usize>>, Error> {
        let (part, bytes) = self.chunk_offsets.as_ref().ok_or_else(|| missing_box(*b"stco"))?;
        let mut offsets = part.fields(*b"stco");
        offsets.version_and_flags()?;
        let mut remaining = offsets.u32()?;
        let runs = read_chunk_runs(require(self.samples_per_chunk.as_ref(), *b"stsc")?)?;
        let mut ranges = Vec::with_capacity(count);
        for (index, &(first, length)) in runs.iter().enumerate() {
            let end = runs.get(index + 1).map_or(u32::MAX, |(next, _)| *next);
            for _ in first..end {
                if remaining == 0 {
                    break;
                }
                remaining -= 1;
                let mut start = usize::try_from(offsets.number(*bytes)?).unwrap_or(usize::MAX);
                for _ in 0..length {
                    let size = usize::try_from(next_size()?).unwrap_or(usize::MAX);
                    let end = start.checked_add(size).filter(|end| size > 0 && *end <= part.file.len());
                    let end = end.ok_or_else(|| damaged("a sample is empty or outside the file"))?;
                    if ranges.len() == count {
                        return Err(damaged("the box `stsc` has more samples than the box `stsz`"));
                    }
                    ranges.push(start..end);
                    start = end;
                }
            }
        }
        if ranges.len() < count {
            return Err(damaged("the box `stsc` has fewer samples than the box `stsz`"));
        }
        Ok(ranges)
    }
}

/// Reads the header of `stsz`. Returns a reader for the sizes, the size of every sample (0 if the sizes differ), and
/// the number of samples.
fn read_sizes<'a>(stsz: &FileSlice<'a>) -> Result<(FieldReader<'a>, u32, usize), Error> {
    let mut fields = stsz.fields(*b"stsz");
    fields.version_and_flags()?;
    let (common_size, count) = (fields.u32()?, fields.u32()?);
    let count = usize::try_from(count).unwrap_or(usize::MAX);
    if count > MAX_SAMPLES {
        return Err(unsupported(&format!("a track has {count} samples, over the limit of {MAX_SAMPLES}")));
    }
    if count == 0 {
        return Err(damaged("a track has no samples"));
    }
    Ok((fields, common_size, count))
}

/// Reads the runs of chunks with equal numbers of samples. Returns, for each run, the number of its first chunk and the
/// number of samples in each chunk.
fn read_chunk_runs(stsc: &FileSlice<'_>) -> Result<Vec<(u32, u32)>, Error> {
    let mut fields = stsc.fields(*b"stsc");
    fields.version_and_flags()?;
    let mut runs: Vec<(u32, u32)> = vec![];
    for _ in 0..read_entry_count(&mut fields)? {
        let (first, length, description) = (fields.u32()?, fields.u32()?, fields.u32()?);
        let previous = runs.last().map_or(0, |(first, _)| *first);
        if first <= previous || (runs.is_empty() && first != 1) || length == 0 {
            return Err(damaged("the entries of the box `stsc` are not in order"));
        }
        if description != 1 {
            return Err(unsupported("a track has several sample descriptions"));
        }
        runs.push((first, length));
    }
    Ok(runs)
}

fn read_durations(part: &FileSlice<'_>) -> Result<Vec<(u32, u32)>, Error> {
    let mut fields = part.fields(*b"stts");
    fields.version_and_flags()?;
    (0..read_entry_count(&mut fields)?).map(|_| Ok((fields.u32()?, fields.u32()?))).collect()
}

/// Reads the numbers of the sync samples, which must be in ascending order.
fn read_sync_samples(part: &FileSlice<'_>, count: usize) -> Result<Vec<u32>, Error> {
    let mut fields = part.fields(*b"stss");
    fields.version_and_flags()?;
    let numbers = (0..read_entry_count(&mut fields)?).map(|_| fields.u32()).collect::<Result<Vec<_>, _>>()?;
    let is_in_range = |number: &u32| (1..=count).contains(&usize::try_from(*number).unwrap_or(usize::MAX));
    if numbers.iter().all(is_in_range) && numbers.is_sorted_by(|a, b| a < b) {
        Ok(numbers)
    } else {
        Err(damaged("the entries of the box `stss` are not in order"))
    }
}

/// Reads the number of a table's entries, at most [`MAX_SAMPLES`].
fn read_entry_count(fields: &mut FieldReader<'_>) -> Result<u32, Error> {
    let count = fields.u32()?;
    if usize::try_from(count).is_ok_and(|count| count <= MAX_SAMPLES) {
        Ok(count)
    } else {
        let name = fields.box_type.escape_ascii();
        Err(unsupported(&format!("the box `{name}` has {count} entries, over the limit of {MAX_SAMPLES}")))
    }
}

pub(super) fn require<T>(value: Option<T>, name: FourCc) -> Result<T, Error> {
    value.ok_or_else(|| missing_box(name))
}

fn missing_box(name: FourCc) -> Error {
    damaged(&format!("a track has no box `{}`", name.escape_ascii()))
}
