//! Boxes (ISO/IEC 14496-12, 4.2) and the big-endian fields in them.

use std::ops::Range;

use super::damaged;
use crate::Error;

/// A box's type, a reference's type, a handler: four characters.
pub(super) type Name = [u8; 4];

/// A part of a file: the content of a box, or data that a table points to.
#[derive(Debug, Clone)]
pub(super) struct Part<'a> {
    pub(super) file: &'a [u8],
    /// Within the file.
    pub(super) range: Range<usize>,
}

impl<'a> Part<'a> {
    pub(super) fn whole(file: &'a [u8]) -> Self {
        Self { file, range: 0..file.len() }
    }

    pub(super) fn bytes(&self) -> &'a [u8] {
        &self.file[self.range.clone()]
    }

    pub(super) fn fields(&self, name: Name) -> Fields<'a> {
        Fields { bytes: self.bytes(), name }
    }

    /// The same without its first bytes.
    pub(super) fn after(&self, bytes: usize, name: Name) -> Result<Self, Error> {
        let start = self.range.start + bytes;
        if start > self.range.end { Err(too_short(name)) } else { Ok(Self { range: start..self.range.end, ..*self }) }
    }

    /// The boxes in it, one after the other. The first that does not fit is an error, and the last.
    pub(super) fn children(&self) -> impl Iterator<Item = Result<(Name, Self), Error>> + use<'a> {
        let Self { file, mut range } = self.clone();
        std::iter::from_fn(move || {
            if range.is_empty() {
                return None;
            }
            let child = child(file, &range);
            range.start = child.as_ref().map_or(range.end, |(_, child)| child.range.end);
            Some(child)
        })
    }
}

/// The first box in a range.
fn child<'a>(file: &'a [u8], within: &Range<usize>) -> Result<(Name, Part<'a>), Error> {
    let mut fields = Fields { bytes: &file[within.clone()], name: *b"box " };
    let (size, name) = (fields.number(4)?, fields.name()?);
    let (header, size) = match size {
        // The box extends to the end of what it stands in.
        0 => (8, within.len()),
        1 => (16, usize::try_from(fields.number(8)?).unwrap_or(usize::MAX)),
        size => (8, usize::try_from(size).unwrap_or(usize::MAX)),
    };
    if size < header || size > within.len() {
        return Err(damaged(&format!("the box `{}` does not fit where it stands", name.escape_ascii())));
    }
    Ok((name, Part { file, range: within.start + header..within.start + size }))
}

/// Big-endian fields of a box, one after the other. Where one is missing, the error names the box.
#[derive(Debug, Clone)]
pub(super) struct Fields<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) name: Name,
}

impl<'a> Fields<'a> {
    pub(super) fn take(&mut self, count: usize) -> Result<&'a [u8], Error> {
        let (bytes, rest) = self.bytes.split_at_checked(count).ok_or_else(|| too_short(self.name))?;
        self.bytes = rest;
        Ok(bytes)
    }

    pub(super) fn array<const COUNT: usize>(&mut self) -> Result<[u8; COUNT], Error> {
        self.take(COUNT)?.try_into().map_err(|_| too_short(self.name))
    }

    pub(super) fn name(&mut self) -> Result<Name, Error> {
        self.array()
    }

    /// A number of at most 8 bytes; of none, it is 0.
    pub(super) fn number(&mut self, bytes: usize) -> Result<u64, Error> {
        debug_assert!(bytes <= 8, "no field is longer");
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

    /// An identifier of 2 bytes or of 4.
    pub(super) fn id(&mut self, is_wide: bool) -> Result<u32, Error> {
        if is_wide { self.u32() } else { Ok(self.u16()?.into()) }
    }

    /// The version and the flags that a full box begins with.
    pub(super) fn version(&mut self) -> Result<(u8, u32), Error> {
        let [version, flags @ ..] = self.array::<4>()?;
        Ok((version, flags.iter().fold(0, |flags, &byte| flags << 8 | u32::from(byte))))
    }

    /// Text up to the zero that ends it.
    pub(super) fn text(&mut self) -> Result<&'a [u8], Error> {
        let end = self.bytes.iter().position(|&byte| byte == 0).ok_or_else(|| too_short(self.name))?;
        let text = self.take(end)?;
        self.take(1)?;
        Ok(text)
    }
}

fn too_short(name: Name) -> Error {
    damaged(&format!("the box `{}` is shorter than its fields", name.escape_ascii()))
}

/// Puts a box around contents that follow each other.
pub(super) fn boxed(name: Name, contents: &[&[u8]]) -> Vec<u8> {
    let length = 8 + contents.iter().map(|content| content.len()).sum::<usize>();
    let mut bytes = Vec::with_capacity(length);
    // Only the media data could be longer than 4 GiB, and it is not written by this function.
    bytes.extend(u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes());
    bytes.extend(name);
    for content in contents {
        bytes.extend_from_slice(content);
    }
    bytes
}

/// The same with the version and the flags that a full box begins with.
pub(super) fn full(name: Name, version: u8, flags: u32, contents: &[&[u8]]) -> Vec<u8> {
    let version = (u32::from(version) << 24 | flags).to_be_bytes();
    boxed(name, &[&[&version[..]], contents].concat())
}
