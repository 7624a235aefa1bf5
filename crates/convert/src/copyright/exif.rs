//! Artist and Copyright of Exif (Exif 2.32, 4.6.4, D). Both are in the first directory.

use super::limited;
use crate::gain_map::TiffReader;
use crate::read::metadata::strip_exif_prefix;

const ARTIST: u16 = 0x013b;
const COPYRIGHT: u16 = 0x8298;
/// The type of a text. The specification allows only ASCII in it. Most programs write UTF-8.
const ASCII: u16 = 2;
/// The type of a text in UTF-8 since Exif 3.0. Few programs read this type, so it is not written.
const UTF_8: u16 = 129;

/// The values of the two tags, without the null at the end. A tag that is missing or blank is empty.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct ExifFields {
    artist: Vec<u8>,
    copyright: Vec<u8>,
}

impl ExifFields {
    /// Creates the fields from the stored values of the two tags.
    pub(crate) fn new(artist: &[u8], copyright: &[u8]) -> Self {
        let mut parts = copyright.split(|byte| *byte == 0).map(<[u8]>::trim_ascii);
        // The notice of the photographer, a null, and the notice of the editor. If only the editor has a notice, the first is a
        // space.
        let (photographer, editor) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        let copyright = match (photographer, editor) {
            (photographer, b"") => photographer.to_vec(),
            (b"", editor) => [b" \0", editor].concat(),
            (photographer, editor) => [photographer, b"\0", editor].concat(),
        };
        let artist = artist.split(|byte| *byte == 0).next().unwrap_or_default();
        Self { artist: artist.trim_ascii().to_vec(), copyright }
    }

    /// Reads the fields of a block.
    ///
    /// # Errors
    /// Returns the reason if the block has no readable directory, or if a value is not a text in the block.
    pub(crate) fn read(exif: &[u8]) -> Result<Self, &'static str> {
        const DAMAGED: &str = "it is damaged";
        let exif = strip_exif_prefix(exif);
        if !exif.starts_with(b"II*\0") && !exif.starts_with(b"MM\0*") {
            return Err(DAMAGED);
        }
        let tiff = TiffReader::new(exif);
        let directory = tiff.first_directory().ok_or(DAMAGED)?;
        let entries = tiff.read(directory, 2).and_then(|count| usize::try_from(count).ok()).ok_or(DAMAGED)?;
        let is_complete = directory + 2 + 12 * entries <= exif.len();
        let value = |tag: u16| match tiff.entry_position(directory, tag.into()) {
            Some(entry) => read_text(exif, tiff, entry).ok_or(DAMAGED),
            None if is_complete => Ok(&[][..]),
            None => Err(DAMAGED),
        };
        Ok(Self::new(value(ARTIST)?, value(COPYRIGHT)?))
    }

    /// Writes a block that contains only these fields, or `None` if there are none.
    ///
    /// # Errors
    /// Returns the reason if the block is too large.
    pub(crate) fn write(&self) -> Result<Option<Vec<u8>>, &'static str> {
        let fields = [(ARTIST, &self.artist), (COPYRIGHT, &self.copyright)];
        let fields: Vec<_> = fields.into_iter().filter(|(_, text)| !text.is_empty()).collect();
        if fields.is_empty() {
            return Ok(None);
        }
        // The byte order, the number 42, the position of the directory, and the number of its entries (TIFF 6.0, section 2).
        let count = u16::try_from(fields.len()).unwrap_or(u16::MAX);
        let mut block = [b"II*\0\x08\0\0\0", &count.to_le_bytes()[..]].concat();
        // The texts follow the entries and the position of the next directory, of which there is none.
        let first_text = block.len() + 12 * fields.len() + 4;
        let mut texts = vec![];
        for (tag, text) in fields {
            let text = [text, &b"\0"[..]].concat();
            // A text of up to four bytes is in the entry itself.
            let mut value = if let Ok(start) = u32::try_from(first_text + texts.len())
                && text.len() > 4
            {
                start.to_le_bytes().to_vec()
            } else {
                text.clone()
            };
            value.resize(4, 0);
            let length = u32::try_from(text.len()).unwrap_or(u32::MAX);
            block.extend([&tag.to_le_bytes()[..], &ASCII.to_le_bytes(), &length.to_le_bytes(), &value].concat());
            if text.len() > 4 {
                texts.extend(text);
                // A value begins at an even position.
                texts.resize(texts.len().next_multiple_of(2), 0);
            }
        }
        limited([&block[..], &[0; 4], &texts].concat()).map(Some)
    }
}

/// Reads the text of a directory entry.
fn read_text<'bytes>(exif: &'bytes [u8], tiff: TiffReader<'bytes>, entry: usize) -> Option<&'bytes [u8]> {
    let kind = tiff.read(entry + 2, 2)?;
    if kind != u64::from(ASCII) && kind != u64::from(UTF_8) {
        return None;
    }
    let length = usize::try_from(tiff.read(entry + 4, 4)?).ok()?;
    let start = if length <= 4 { entry + 8 } else { usize::try_from(tiff.read(entry + 8, 4)?).ok()? };
    exif.get(start..start.checked_add(length)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(artist: &[u8], copyright: &[u8]) -> ExifFields {
        ExifFields { artist: artist.to_vec(), copyright: copyright.to_vec() }
    }

    fn entry(tag: u16, kind: u16, length: u32, value: [u8; 4]) -> Vec<u8> {
        [&tag.to_be_bytes()[..], &kind.to_be_bytes(), &length.to_be_bytes(), &value].concat()
    }

    /// Builds big-endian Exif with these entries and the text "Ann Lee\0" at position 62.
    fn exif(entries: &[Vec<u8>; 4]) -> Vec<u8> {
        let exif = [&b"MM\0*\0\0\0\x08\0\x04"[..], &entries.concat(), &[0; 4], b"Ann Lee\0"].concat();
        assert_eq!(exif.len(), 70);
        exif
    }

    #[test]
    fn texts_are_read_from_either_byte_order_and_written_back() {
        let exif = exif(&[
            entry(0x010f, ASCII, 8, [0, 0, 0, 62]),
            entry(ARTIST, ASCII, 8, [0, 0, 0, 62]),
            entry(COPYRIGHT, UTF_8, 3, *b"Me\0\0"),
            entry(0x8825, 4, 1, [0, 0, 0, 62]),
        ]);
        let read = ExifFields::read(&exif).unwrap();
        assert_eq!(read, fields(b"Ann Lee", b"Me"));
        let written = read.write().unwrap().unwrap();
        assert_eq!(written[8..10], [2, 0]);
        assert_eq!(ExifFields::read(&written), Ok(read));
        assert_eq!(ExifFields::read(&[b"Exif\0\0", &written[..]].concat()).unwrap().write(), Ok(Some(written)));
    }

    #[test]
    fn bytes_after_the_texts_are_dropped() {
        assert_eq!(ExifFields::new(b"Ann \0GPS\0", b"A\0B\0GPS\0"), fields(b"Ann", b"A\0B"));
        assert_eq!(ExifFields::new(b"   ", b" \0Editor\0"), fields(b"", b" \0Editor"));
        assert_eq!(ExifFields::new(b"", b"A\0\0GPS"), fields(b"", b"A"));
        assert_eq!(ExifFields::new(b"  \0", b" \0 \0").write(), Ok(None));
    }

    #[test]
    fn truncated_or_foreign_exif_is_an_error() {
        let exif = ExifFields::new(b"Ann Lee", b"2024 Ann Lee").write().unwrap().unwrap();
        // The last byte of the block is padding.
        for end in 0..exif.len() - 1 {
            assert_eq!(ExifFields::read(&exif[..end]), Err("it is damaged"), "{end}");
        }
        let numbers = exif_with_artist_of_type(3);
        for exif in [&b""[..], b"GIF89a", b"II*\0\xff\xff\xff\xff", &numbers] {
            assert_eq!(ExifFields::read(exif), Err("it is damaged"));
        }
    }

    fn exif_with_artist_of_type(kind: u16) -> Vec<u8> {
        let other = || entry(0, ASCII, 1, [0; 4]);
        exif(&[entry(ARTIST, kind, 8, [0, 0, 0, 62]), other(), other(), other()])
    }

    #[test]
    fn too_long_text_is_an_error() {
        assert!(ExifFields::new(&b"a".repeat(59_900), b"").write().is_ok());
        assert!(ExifFields::new(&b"a".repeat(60_000), b"").write().is_err());
    }
}
