//! The boxes of the ISO base media file format (ISO/IEC 14496-12, 4.2) and their big-endian fields.

use std::ops::Range;

use thiserror::Error;

/// A four-character code: the type of a box, of a reference or of a handler.
pub type FourCc = [u8; 4];

/// Why boxes cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum BoxError {
    /// A box is longer than its parent, or than the file.
    #[error("the box `{}` is longer than its parent", .0.escape_ascii())]
    TooLong(FourCc),
    /// A box ends before its last field.
    #[error("the box `{}` is shorter than its fields", .0.escape_ascii())]
    TooShort(FourCc),
}

/// A part of a file: the content of a box, or the data that a table refers to.
#[derive(Debug, Clone)]
pub struct FileSlice<'a> {
    /// The whole file.
    pub file: &'a [u8],
    /// The position in the file.
    pub range: Range<usize>,
}

impl<'a> FileSlice<'a> {
    /// Returns a slice that contains the whole file.
    #[must_use]
    pub fn whole(file: &'a [u8]) -> Self {
        Self { file, range: 0..file.len() }
    }

    /// The bytes of the slice.
    #[must_use]
    pub fn bytes(&self) -> &'a [u8] {
        &self.file[self.range.clone()]
    }

    /// Returns a reader of the slice's fields. `name` is the type of the box, for errors.
    #[must_use]
    pub fn fields(&self, name: FourCc) -> FieldReader<'a> {
        FieldReader { bytes: self.bytes(), box_type: name }
    }

    /// Returns the slice without its first `bytes` bytes.
    ///
    /// # Errors
    /// The slice is shorter.
    pub fn skip(&self, bytes: usize, name: FourCc) -> Result<Self, BoxError> {
        let start = self.range.start + bytes;
        if start > self.range.end {
            Err(BoxError::TooShort(name))
        } else {
            Ok(Self { range: start..self.range.end, ..*self })
        }
    }

    /// Returns the boxes in this slice, in order. If a box is longer than the rest of the slice, the iterator returns
    /// an error and ends.
    pub fn child_boxes(&self) -> impl Iterator<Item = Result<(FourCc, Self), BoxError>> + use<'a> {
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
fn read_box_header<'a>(file: &'a [u8], within: &Range<usize>) -> Result<(FourCc, FileSlice<'a>), BoxError> {
    let mut fields = FieldReader { bytes: &file[within.clone()], box_type: *b"box " };
    let (size, name) = (fields.number(4)?, fields.four_cc()?);
    let (header, size) = match size {
        // The box extends to the end of its parent.
        0 => (8, within.len()),
        1 => (16, usize::try_from(fields.number(8)?).unwrap_or(usize::MAX)),
        size => (8, usize::try_from(size).unwrap_or(usize::MAX)),
    };
    if size < header || size > within.len() {
        return Err(BoxError::TooLong(name));
    }
    Ok((name, FileSlice { file, range: within.start + header..within.start + size }))
}

/// Reads the big-endian fields of a box in order. If a field is missing, the error names the box.
#[derive(Debug, Clone)]
pub struct FieldReader<'a> {
    /// The bytes that were not read yet.
    pub bytes: &'a [u8],
    /// The type of the box, for errors.
    pub box_type: FourCc,
}

impl<'a> FieldReader<'a> {
    /// Reads this number of bytes.
    ///
    /// # Errors
    /// The box ends before the field.
    pub fn take(&mut self, count: usize) -> Result<&'a [u8], BoxError> {
        let (bytes, rest) = self.bytes.split_at_checked(count).ok_or(BoxError::TooShort(self.box_type))?;
        self.bytes = rest;
        Ok(bytes)
    }

    /// Reads a fixed number of bytes.
    ///
    /// # Errors
    /// The box ends before the field.
    pub fn array<const COUNT: usize>(&mut self) -> Result<[u8; COUNT], BoxError> {
        self.take(COUNT)?.try_into().map_err(|_| BoxError::TooShort(self.box_type))
    }

    /// Reads a four-character code.
    ///
    /// # Errors
    /// The box ends before the field.
    pub fn four_cc(&mut self) -> Result<FourCc, BoxError> {
        self.array()
    }

    /// Reads an unsigned number of 0 to 8 bytes. A number of 0 bytes is 0.
    ///
    /// # Errors
    /// The box ends before the field.
    pub fn number(&mut self, bytes: usize) -> Result<u64, BoxError> {
        debug_assert!(bytes <= 8, "a field has at most 8 bytes");
        Ok(self.take(bytes)?.iter().fold(0, |number, &byte| number << 8 | u64::from(byte)))
    }

    /// Reads a number of 1 byte.
    ///
    /// # Errors
    /// The box ends before the field.
    pub fn u8(&mut self) -> Result<u8, BoxError> {
        Ok(self.array::<1>()?[0])
    }

    /// Reads a number of 2 bytes.
    ///
    /// # Errors
    /// The box ends before the field.
    pub fn u16(&mut self) -> Result<u16, BoxError> {
        Ok(u16::from_be_bytes(self.array()?))
    }

    /// Reads a number of 4 bytes.
    ///
    /// # Errors
    /// The box ends before the field.
    pub fn u32(&mut self) -> Result<u32, BoxError> {
        Ok(u32::from_be_bytes(self.array()?))
    }

    /// Reads an identifier: 4 bytes if `is_wide` is true, otherwise 2 bytes.
    ///
    /// # Errors
    /// The box ends before the field.
    pub fn id(&mut self, is_wide: bool) -> Result<u32, BoxError> {
        if is_wide { self.u32() } else { Ok(self.u16()?.into()) }
    }

    /// Reads the version and the flags at the start of a full box.
    ///
    /// # Errors
    /// The box ends before the field.
    pub fn version_and_flags(&mut self) -> Result<(u8, u32), BoxError> {
        let [version, flags @ ..] = self.array::<4>()?;
        Ok((version, flags.iter().fold(0, |flags, &byte| flags << 8 | u32::from(byte))))
    }

    /// Reads a null-terminated string, and returns it without the null.
    ///
    /// # Errors
    /// The box ends before the field.
    pub fn null_terminated(&mut self) -> Result<&'a [u8], BoxError> {
        let end = self.bytes.iter().position(|&byte| byte == 0).ok_or(BoxError::TooShort(self.box_type))?;
        let text = self.take(end)?;
        self.take(1)?;
        Ok(text)
    }
}

/// Builds a box that contains these parts in order.
#[must_use]
pub fn build_box(name: FourCc, contents: &[&[u8]]) -> Vec<u8> {
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
#[must_use]
pub fn build_full_box(name: FourCc, version: u8, flags: u32, contents: &[&[u8]]) -> Vec<u8> {
    let version = (u32::from(version) << 24 | flags).to_be_bytes();
    build_box(name, &[&[&version[..]], contents].concat())
}
