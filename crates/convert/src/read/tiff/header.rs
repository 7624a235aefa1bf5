//! The first bytes of a TIFF: byte order, variant and the offset of the first directory.

use std::borrow::Cow;
use std::io::Cursor;

use tiff::TiffResult;
use tiff::decoder::Decoder;
use tiff::tags::{ByteOrder, IfdPointer, Tag, Type};

/// A reader of tags.
pub(super) type TagReader<'bytes> = Decoder<Cursor<Cow<'bytes, [u8]>>>;

/// The header of a classic TIFF (TIFF 6.0, section 2) or a `BigTIFF` (libtiff, "The `BigTIFF` File Format"). The type has
/// the interface of `TiffHeader` in the unreleased `tiff` 0.12, which can replace it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TiffHeader {
    pub(super) byte_order: ByteOrder,
    pub(super) is_bigtiff: bool,
    pub(super) first_ifd: IfdPointer,
}

impl TiffHeader {
    /// Returns `None` if the bytes are not the start of a TIFF.
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        let byte_order = match bytes.first_chunk()? {
            b"II" => ByteOrder::LittleEndian,
            b"MM" => ByteOrder::BigEndian,
            _ => return None,
        };
        let number = |at: usize, length: usize| Some(number(byte_order, bytes.get(at..at + length)?));
        let (is_bigtiff, first) = match number(2, 2)? {
            42 => (false, number(4, 4)?),
            // A BigTIFF also declares the size of an offset in bytes, and a reserved number.
            43 if number(4, 2)? == 8 && number(6, 2)? == 0 => (true, number(8, 8)?),
            _ => return None,
        };
        Some(Self { byte_order, is_bigtiff, first_ifd: IfdPointer(first) })
    }

    /// Opens a file without reading its first image.
    ///
    /// `tiff` 0.11 opens a file only together with its first image, and rejects images that it cannot decode, for
    /// example an image without `StripByteCounts`. So this function opens a minimal file, and then replaces its bytes.
    pub(super) fn open(self, bytes: &[u8]) -> TiffResult<TagReader<'_>> {
        let mut decoder = Decoder::new(Cursor::new(Cow::Owned(self.minimal_file())))?;
        *decoder.inner() = Cursor::new(Cow::Borrowed(bytes));
        Ok(decoder)
    }

    /// Builds a file with the same byte order and variant and one pixel, whose strip is empty.
    fn minimal_file(self) -> Vec<u8> {
        let bytes = |value: u64, length: usize| match self.byte_order {
            ByteOrder::LittleEndian => value.to_le_bytes()[..length].to_vec(),
            ByteOrder::BigEndian => value.to_be_bytes()[8 - length..].to_vec(),
        };
        let mark = if self.byte_order == ByteOrder::LittleEndian { b"II" } else { b"MM" };
        let tags = [
            (Tag::ImageWidth, 1),
            (Tag::ImageLength, 1),
            (Tag::PhotometricInterpretation, 1),
            (Tag::StripOffsets, 0),
            (Tag::StripByteCounts, 0),
        ];
        // The length of the number of entries, and the length of counts and offsets.
        let (short, word) = if self.is_bigtiff { (8, 8) } else { (2, 4) };
        let mut file = mark.to_vec();
        file.extend(if self.is_bigtiff {
            [bytes(43, 2), bytes(8, 2), bytes(0, 2), bytes(16, 8)].concat()
        } else {
            [bytes(42, 2), bytes(8, 4)].concat()
        });
        file.extend(bytes(tags.len() as u64, short));
        for (tag, value) in tags {
            file.extend([bytes(tag.to_u16().into(), 2), bytes(Type::LONG.to_u16().into(), 2)].concat());
            file.extend([bytes(1, word), bytes(value, 4), vec![0; word - 4]].concat());
        }
        file.extend(bytes(0, word));
        file
    }
}

/// Returns the unsigned number that up to eight bytes contain.
pub(super) fn number(byte_order: ByteOrder, bytes: &[u8]) -> u64 {
    let append = |number: u64, byte: &u8| number << 8 | u64::from(*byte);
    match byte_order {
        ByteOrder::LittleEndian => bytes.iter().rev().fold(0, append),
        ByteOrder::BigEndian => bytes.iter().fold(0, append),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn header_of_both_variants_and_byte_orders_is_parsed() {
        use ByteOrder::{BigEndian, LittleEndian};
        let header = |byte_order, is_bigtiff| Some(TiffHeader { byte_order, is_bigtiff, first_ifd: IfdPointer(258) });
        assert_eq!(TiffHeader::parse(b"II*\0\x02\x01\0\0"), header(LittleEndian, false));
        assert_eq!(TiffHeader::parse(b"MM\0*\0\0\x01\x02"), header(BigEndian, false));
        assert_eq!(TiffHeader::parse(b"II+\0\x08\0\0\0\x02\x01\0\0\0\0\0\0"), header(LittleEndian, true));
        assert_eq!(TiffHeader::parse(b"MM\0+\0\x08\0\0\0\0\0\0\0\0\x01\x02"), header(BigEndian, true));
        for other in [&b""[..], b"II", b"II*\0", b"IM*\0\0\0\0\0", b"MM*\0\0\0\0\0", b"II+\0\x04\0\0\0\0\0\0\0\0\0\0\0"]
        {
            assert_eq!(TiffHeader::parse(other), None, "{other:?}");
        }
    }

    #[test]
    fn file_of_every_variant_and_byte_order_is_opened_without_its_image() {
        for start in [
            &b"II*\0\0\0\0\0"[..],
            b"MM\0*\0\0\0\0",
            b"II+\0\x08\0\0\0\0\0\0\0\0\0\0\0",
            b"MM\0+\0\x08\0\0\0\0\0\0\0\0\0\0",
        ] {
            let header = TiffHeader::parse(start).unwrap();
            assert_eq!(header.open(start).unwrap().byte_order(), header.byte_order);
        }
    }
}
