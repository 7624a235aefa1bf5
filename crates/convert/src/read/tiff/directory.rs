//! The first directory of a TIFF: its tags and their values (TIFF 6.0, section 2).

use tiff::decoder::ifd::Value;
use tiff::tags::{ByteOrder, IfdPointer, Tag, Type};
use tiff::{Directory as Entries, TiffError};

use crate::Error;
use crate::error::brief;
use crate::read::tiff::header::{TagReader, TiffHeader, number};
use crate::read::tiff::{damaged, unsupported};

/// The first directory of a file.
pub(super) struct Directory<'bytes> {
    pub(super) bytes: &'bytes [u8],
    pub(super) byte_order: ByteOrder,
    reader: TagReader<'bytes>,
    entries: Entries,
    /// The position of the directory. In some files, this position follows the directory instead of the next one.
    position: IfdPointer,
}

/// The maximum number of values of a tag that is read as a whole. `ColorMap` has the most values: three for each of the
/// 65,536 indexes of 16 bits.
const MAX_VALUES: u64 = 3 << 16;

impl<'bytes> Directory<'bytes> {
    /// Reads the directory, but not the values that are stored outside of it.
    pub(super) fn read(bytes: &'bytes [u8]) -> Result<Self, Error> {
        let header = TiffHeader::parse(bytes).ok_or_else(|| damaged("its header is incomplete"))?;
        if header.is_bigtiff {
            check_types(bytes, header)?;
        }
        let failed = |error: TiffError| damaged(format!("its directory cannot be read: {}", brief(&error.to_string())));
        let mut reader = header.open(bytes).map_err(failed)?;
        let entries = reader.read_directory(header.first_ifd).map_err(failed)?;
        Ok(Self { bytes, byte_order: header.byte_order, reader, entries, position: header.first_ifd })
    }

    pub(super) fn contains(&self, tag: Tag) -> bool {
        self.entries.contains(tag)
    }

    /// The number of values of a tag; 0 if the tag is missing.
    pub(super) fn count(&self, tag: Tag) -> u64 {
        self.entries.get(tag).map_or(0, tiff::decoder::ifd::Entry::count)
    }

    /// Reads one value of a tag. The other values are not read.
    ///
    /// # Errors
    /// Returns [`Error::Damaged`] if the tag has no value at this index, or if the value is not an unsigned number.
    pub(super) fn number_at(&mut self, tag: Tag, index: u64) -> Result<u64, Error> {
        let entry = self.entries.get(tag).filter(|entry| index < entry.count());
        let length: u8 = match entry.ok_or_else(|| damaged(format!("it has no value {index} of {tag:?}")))?.field_type()
        {
            Type::BYTE => 1,
            Type::SHORT => 2,
            Type::LONG | Type::IFD => 4,
            Type::LONG8 | Type::IFD8 => 8,
            other => return Err(damaged(format!("its {tag:?} has values of the type {other:?}"))),
        };
        let mut value = [0; 8];
        let bytes = &mut value[..usize::from(length)];
        let at = index.saturating_mul(length.into());
        let read = self.reader.read_directory_tags(&self.entries).find_tag_bytes(tag, bytes, at);
        read.map_err(|error| unreadable(tag, &error))?;
        Ok(number(self.byte_order, bytes))
    }

    /// Reads the only value of a tag; `None` if the tag is missing.
    ///
    /// # Errors
    /// Returns [`Error::Damaged`] if the tag has several values, or if the value is not an unsigned number of this size.
    pub(super) fn number<T: TryFrom<u64>>(&mut self, tag: Tag) -> Result<Option<T>, Error> {
        if !self.contains(tag) {
            return Ok(None);
        }
        if self.count(tag) != 1 {
            return Err(damaged(format!("its {tag:?} has {} values instead of one", self.count(tag))));
        }
        let number = self.number_at(tag, 0)?;
        let number = T::try_from(number).map_err(|_| damaged(format!("its {tag:?} has the impossible value {number}")));
        number.map(Some)
    }

    /// Reads all values of a tag; `None` if the tag is missing.
    ///
    /// # Errors
    /// Returns [`Error::Damaged`] if a value is not an unsigned number of this size.
    pub(super) fn numbers<T: TryFrom<u64>>(&mut self, tag: Tag) -> Result<Option<Vec<T>>, Error> {
        let numbers = self.value(tag)?.map(Value::into_u64_vec).transpose().map_err(|error| unreadable(tag, &error))?;
        let number = |number: u64| {
            T::try_from(number).map_err(|_| damaged(format!("its {tag:?} has the impossible value {number}")))
        };
        numbers.map(|numbers| numbers.into_iter().map(number).collect()).transpose()
    }

    /// Reads all values of a tag as fractions; `None` if the tag is missing.
    ///
    /// # Errors
    /// Returns [`Error::Damaged`] if the tag does not have this number of values, or if a value is not finite.
    pub(super) fn fractions<const COUNT: usize>(&mut self, tag: Tag) -> Result<Option<[f32; COUNT]>, Error> {
        #[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "levels need few digits")]
        let fraction = |value: &Value| match *value {
            Value::Rational(numerator, denominator) => numerator as f32 / denominator as f32,
            Value::SRational(numerator, denominator) => numerator as f32 / denominator as f32,
            Value::Float(value) => value,
            Value::Double(value) => value as f32,
            Value::Byte(value) => value.into(),
            Value::Short(value) => value.into(),
            Value::Unsigned(value) => value as f32,
            _ => f32::NAN,
        };
        let Some(value) = self.value(tag)? else { return Ok(None) };
        let values = if let Value::List(values) = value { values } else { vec![value] };
        let fractions: Vec<f32> = values.iter().map(fraction).collect();
        match <[f32; COUNT]>::try_from(fractions) {
            Ok(fractions) if fractions.iter().all(|fraction| fraction.is_finite()) => Ok(Some(fractions)),
            _ => Err(damaged(format!("its {tag:?} is not a list of {COUNT} fractions"))),
        }
    }

    /// Reads a block of bytes; `None` if the tag is missing. The block is empty if it cannot be read, or if it is longer
    /// than the limit.
    pub(super) fn block(&mut self, tag: Tag, limit: usize) -> Option<Vec<u8>> {
        let entry = self.entries.get(tag)?;
        let is_block = matches!(entry.field_type(), Type::BYTE | Type::UNDEFINED | Type::ASCII);
        let limit = limit.min(self.bytes.len()) as u64;
        let Some(length) = Some(entry.count()).filter(|count| is_block && *count <= limit) else { return Some(vec![]) };
        let mut block = vec![0; usize::try_from(length).unwrap_or(0)];
        let read = self.reader.read_directory_tags(&self.entries).find_tag_bytes(tag, &mut block, 0);
        Some(if read.is_ok() { block } else { vec![] })
    }

    /// Whether another page follows this one. Thumbnails and masks are not pages (TIFF 6.0, section 8, `NewSubfileType`).
    pub(super) fn has_next_page(&mut self) -> bool {
        let next = self.entries.next().filter(|next| *next != self.position);
        let Some(Ok(next)) = next.map(|next| self.reader.read_directory(next)) else { return false };
        let mut tags = self.reader.read_directory_tags(&next);
        let kind = tags.find_tag_unsigned::<u32>(Tag::NewSubfileType).ok().flatten().unwrap_or(0);
        let old_kind = tags.find_tag_unsigned::<u32>(Tag::SubfileType).ok().flatten().unwrap_or(1);
        next.contains(Tag::ImageWidth) && kind & 0b101 == 0 && old_kind != 2
    }

    fn value(&mut self, tag: Tag) -> Result<Option<Value>, Error> {
        if self.count(tag) > MAX_VALUES {
            return Err(damaged(format!("its {tag:?} has {} values", self.count(tag))));
        }
        let value = self.reader.read_directory_tags(&self.entries).find_tag(tag);
        value.map_err(|error| unreadable(tag, &error))
    }
}

/// Checks the types of the entries. `tiff` 0.11 skips only a part of an entry of an unknown type in a `BigTIFF`, so it
/// would misread the entries after it.
fn check_types(bytes: &[u8], header: TiffHeader) -> Result<(), Error> {
    let directory = usize::try_from(header.first_ifd.0).ok().and_then(|start| bytes.get(start..));
    let (count, entries) = directory.and_then(<[u8]>::split_first_chunk::<8>).unwrap_or((&[0; 8], &[]));
    let count = usize::try_from(number(header.byte_order, count)).unwrap_or(usize::MAX);
    for entry in entries.chunks_exact(20).take(count) {
        let kind = number(header.byte_order, &entry[2..4]);
        if !u16::try_from(kind).is_ok_and(|kind| Type::from_u16(kind).is_some()) {
            return Err(unsupported(format!("its directory has an entry of the unknown type {kind}")));
        }
    }
    Ok(())
}

fn unreadable(tag: Tag, error: &TiffError) -> Error {
    damaged(format!("its {tag:?} cannot be read: {}", brief(&error.to_string())))
}
