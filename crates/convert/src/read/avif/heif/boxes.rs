//! Boxes (ISO/IEC 14496-12, 4.2) and their big-endian fields.

use std::ops::Range;

use super::damaged;
use crate::Error;

/// A four-character code: the type of a box, of a reference or of a handler.
pub(super) type FourCc = [u8; 4];

/// A part of a file: the content of a box, or the data that a table refers to.
#[derive(Debug, Clone)]
pub(super) struct FileSlice<'a> {
    pub(super) file: &'a [u8],
    /// The position in the file.
    pub(super) range: Range<usize>,
}

impl<'a> FileSlice<'a> {
    pub(super) fn whole(file: &'a [u8]) -> Self {
        Self { file, range: 0..file.len() }
    }

    pub(super) fn bytes(&self) -> &'a [u8] {
        &self.file[self.range.clone()]
    }

    pub(super) fn fields(&self, name: FourCc) -> FieldReader<'a> {
        FieldReader { bytes: self.bytes(), box_type: name }
    }

    /// Returns the slice without its first `bytes` bytes.
    pub(super) fn skip(&self, bytes: usize, name: FourCc) -> Result<Self, Error> {
        let start = self.range.start + bytes;
        if start > self.range.end { Err(too_short(name)) } else { Ok(Self { range: start..self.range.end, ..*self }) }
    }

    /// Returns the boxes in this slice, in order. If a box is longer than the rest of the slice, the iterator returns
    /// an error and ends.
    pub(super) fn child_boxes(&self) -> impl Iterator<Item = Result<(FourCc, Self), Error>> + use<'a> {
        let Self { file, mut range } = self.clone();
        std::iter::from_fn(move || {
            if range.is_empty() {
                return None;
            }
            let child = read_box_header(file, &range);
            range.start = child.as_ref().map_or(range.end, |(_, child)| child.range.end);
            Some(child)
        })
    }
}

/// Reads the header of the first box in a range.
fn read_box_header<'a>(file: &'a [u8], within: &Range<usize>) -> Result<(FourCc, FileSlice<'a>), Error> {
    let mut fields = FieldReader { bytes: &file[within.clone()], box_type: *b"box " };
    let (size, name) = (fields.number(4)?, fields.four_cc()?);
    let (header, size) = match size {
        // The box extends to the end of its parent.
        0 => (8, within.len()),
        1 => (16, usize::try_from(fields.number(8)?).unwrap_or(usize::MAX)),
        size => (8, usize::try_from(size).unwrap_or(usize::MAX)),
    };
    if size < header || size > within.len() {
        return Err(damaged(&format!("the box `{}` is longer than its parent", name.escape_ascii())));
    }
    Ok((name, FileSlice { file, range: within.start + header..within.start + size }))
}

/// Reads the big-endian fields of a box in order. If a field is missing, the error names the box.
#[derive(Debug, Clone)]
pub(super) struct FieldReader<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) box_type: FourCc,
}

impl<'a> FieldReader<'a> {
    pub(super) fn take(&mut self, count: usize) -> Result<&'a [u8], Error> {
        let (bytes, rest) = self.bytes.split_at_checked(count).ok_or_else(|| too_short(self.box_type))?;
        self.bytes = rest;
        Ok(bytes)
    }

    pub(super) fn array<const COUNT: usize>(&mut self) -> Result<[u8; COUNT], Error> {
        self.take(COUNT)?.try_into().map_err(|_| too_short(self.box_type))
    }

    pub(super) fn four_cc(&mut self) -> Result<FourCc, Error> {
        self.array()
    }

    /// Reads an unsigned number of 0 to 8 bytes. A number of 0 bytes is 0.
    pub(super) fn number(&mut self, bytes: usize) -> Result<u64, Error> {
        debug_assert!(bytes <= 8, "a field has at most 8 bytes");
        Ok(self.take(bytes)?.iter().fold(0, |number, &byte| number << 8 | u64::from(byte)))
    }

    pub(super) fn u8(&mut self) -> Result<u8, Error> {
        Ok(self.array::<1>()?[0])
    }

    pub(super) fn u16(&mut self) -> Result<u16, Error> {
        Ok(u16::from_be_bytes(self.array()?))
    }

    pub(super) fn u32(&mut self) -> Result<u32, Error> {
        Ok(u32::from_be_bytes(self.array()?))
    }

    /// Reads an identifier: 4 bytes if `is_wide` is true, otherwise 2 bytes.
    pub(super) fn id(&mut self, is_wide: bool) -> Result<u32, Error> {
        if is_wide { self.u32() } else { Ok(self.u16()?.into()) }
    }

    /// Reads the version and the flags at the start of a full box.
    pub(super) fn version_and_flags(&mut self) -> Result<(u8, u32), Error> {
        let [version, flags @ ..] = self.array::<4>()?;
        Ok((version, flags.iter().fold(0, |flags, &byte| flags << 8 | u32::from(byte))))
    }

    /// Reads a null-terminated string, and returns it without the null.
    pub(super) fn null_terminated(&mut self) -> Result<&'a [u8], Error> {
        let end = self.bytes.iter().position(|&byte| byte == 0).ok_or_else(|| too_short(self.box_type))?;
        let text = self.take(end)?;
        self.take(1)?;
        Ok(text)
    }
}

fn too_short(name: FourCc) -> Error {
    damaged(&format!("the box `{}` is shorter than its fields", name.escape_ascii()))
}

/// Builds a box that contains these parts in order.
pub(super) fn build_box(name: FourCc, contents: &[&[u8]]) -> Vec<u8> {
    let length = 8 + contents.iter().map(|content| content.len()).sum::<usize>();
    let mut bytes = Vec::with_capacity(length);
    // Only `mdat` could be longer than 4 GiB, and this function does not build it.
    bytes.extend(u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes());
    bytes.extend(name);
    for content in contents {
        bytes.extend_from_slice(content);
    }
    bytes
}

/// Builds a full box: a box that starts with a version and flags.
pub(super) fn build_full_box(name: FourCc, version: u8, flags: u32, contents: &[&[u8]]) -> Vec<u8> {
    let version = (u32::from(version) << 24 | flags).to_be_bytes();
    build_box(name, &[&[&version[..]], contents].concat())
}
