//! The headers of a bitmap: the file header, and one of the headers of Windows (`BITMAPCOREHEADER` to `BITMAPV5HEADER`) or
//! OS/2.

use super::damaged;
use super::masks::{Channel, Masks};
use crate::{Error, Format};

/// The length of `BITMAPFILEHEADER`.
pub(super) const FILE_HEADER: usize = 14;

/// What is needed to decode the pixels.
pub(super) struct BmpHeader<'bytes> {
    /// Width and height in pixels.
    pub(super) size: (u32, u32),
    /// Whether the first stored row is the top row.
    pub(super) is_top_down: bool,
    pub(super) bits_per_pixel: u32,
    pub(super) compression: Compression,
    pub(super) palette: Palette<'bytes>,
    /// The bits of red, green, blue and alpha in pixels of 16 to 32 bits.
    pub(super) channels: [Channel; 4],
    /// The bytes from the first pixel on.
    pub(super) pixels: &'bytes [u8],
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Compression {
    None,
    RunLengths(RunUnit),
}

/// What a run repeats.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RunUnit {
    /// Two palette indices of four bits, in turn.
    Index4,
    /// A palette index of eight bits.
    Index8,
    /// Blue, green and red.
    Color,
}

/// The entries of the palette: blue, green, red and, except in OS/2 1.x, an unused byte.
#[derive(Debug, Clone, Copy)]
pub(super) struct Palette<'bytes> {
    entries: &'bytes [u8],
    entry_length: usize,
}

impl Palette<'_> {
    /// Returns red, green and blue. A missing entry is black, as in Chromium.
    pub(super) fn color(&self, index: u8) -> [u8; 3] {
        let start = usize::from(index) * self.entry_length;
        match self.entries.get(start..start + 3) {
            Some(&[blue, green, red]) => [red, green, blue],
            _ => [0; 3],
        }
    }
}

impl BmpHeader<'_> {
    pub(super) fn has_alpha(&self) -> bool {
        // Run-length encoded bitmaps may omit pixels, which browsers show as transparent.
        matches!(self.compression, Compression::RunLengths(_)) || !self.channels[3].is_empty()
    }
}

/// The header after the file header, with its length checked.
struct InfoHeader<'bytes> {
    bytes: &'bytes [u8],
    kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// OS/2 1.x and Windows 2.
    Core,
    /// OS/2 2.x. Only the first 16 bytes are required, and the fields after the first 40 bytes have other meanings.
    Os2,
    Windows,
}

impl<'bytes> InfoHeader<'bytes> {
    fn read(bytes: &'bytes [u8]) -> Result<Self, Error> {
        let truncated = || damaged("it ends within its header");
        let length = u32_le(bytes, FILE_HEADER).ok_or_else(truncated)?;
        let kind = match length {
            12 => Kind::Core,
            40 | 52 | 56 | 108 | 124 => Kind::Windows,
            42 | 46 => Kind::Os2,
            16..=64 if length % 4 == 0 => Kind::Os2,
            _ => return Err(unsupported(format!("a header of {length} bytes"))),
        };
        let bytes = bytes.get(FILE_HEADER..FILE_HEADER + length as usize).ok_or_else(truncated)?;
        Ok(Self { bytes, kind })
    }

    fn end(&self) -> usize {
        FILE_HEADER + self.bytes.len()
    }

    /// Returns a field of 32 bits, or 0 if the header is too short for it.
    fn field(&self, at: usize) -> u32 {
        u32_le(self.bytes, at).unwrap_or(0)
    }

    fn half_field(&self, at: usize) -> u32 {
        self.bytes.get(at..).and_then(|field| field.first_chunk()).map_or(0, |field| u16::from_le_bytes(*field).into())
    }

    /// Returns the width and height, and whether the first row is the top row.
    fn size(&self) -> Result<((u32, u32), bool), Error> {
        if self.kind == Kind::Core {
            return Ok(((self.half_field(4), self.half_field(6)), false));
        }
        let (width, height) = (self.field(4).cast_signed(), self.field(8).cast_signed());
        if width < 0 || height == i32::MIN {
            return Err(damaged(&format!("its dimensions {width}x{height} are invalid")));
        }
        Ok(((width.unsigned_abs(), height.unsigned_abs()), height < 0))
    }
}

const BITFIELDS: u32 = 3;
const ALPHABITFIELDS: u32 = 6;

impl<'bytes> BmpHeader<'bytes> {
    /// Reads the headers, the color masks and the palette.
    pub(super) fn read(bytes: &'bytes [u8]) -> Result<Self, Error> {
        let info = InfoHeader::read(bytes)?;
        let (size, is_top_down) = info.size()?;
        let (stored_bits, method) = match info.kind {
            Kind::Core => (info.half_field(10), 0),
            Kind::Os2 | Kind::Windows => (info.half_field(14), info.field(16)),
        };
        let compression = read_compression(method, stored_bits)?;
        // Some encoders write a smaller number of bits if the palette is small.
        let bits_per_pixel = match compression {
            Compression::RunLengths(RunUnit::Index4) => 4,
            Compression::RunLengths(RunUnit::Index8) => 8,
            Compression::RunLengths(RunUnit::Color) | Compression::None => stored_bits,
        };
        let start = u32_le(bytes, 10).unwrap_or(0) as usize;
        if start != 0 && start < info.end() {
            return Err(damaged("its pixels begin within its header"));
        }
        let is_indexed = bits_per_pixel < 16;
        let entry_length = if info.kind == Kind::Core { 3 } else { 4 };
        let (masks, masks_end) = read_masks(bytes, &info, method, bits_per_pixel)?;
        let used = match (is_indexed, info.field(32)) {
            (false, _) => 0,
            (true, used) if used == 0 || used > 1 << bits_per_pixel || info.kind == Kind::Core => 1 << bits_per_pixel,
            (true, used) => used as usize,
        };
        let table_end = info.end() + used * entry_length;
        // A palette that extends into the pixels is shorter than declared.
        let palette_end = if start == 0 { table_end } else { table_end.min(start) };
        let entries = bytes.get(info.end()..palette_end).unwrap_or_default();
        let first_pixel = match (start, is_indexed) {
            (0, true) => table_end,
            (0, false) => masks_end,
            (start, _) => start,
        };
        Ok(Self {
            size,
            is_top_down,
            bits_per_pixel,
            compression,
            palette: Palette { entries, entry_length },
            channels: if is_indexed { Default::default() } else { masks.channels(bits_per_pixel)? },
            pixels: bytes.get(first_pixel..).unwrap_or_default(),
        })
    }
}

/// Checks the compression and the number of bits per pixel. OS/2 2.x uses two numbers for other methods than Windows.
fn read_compression(method: u32, bits: u32) -> Result<Compression, Error> {
    let name = match (method, bits) {
        (0, 1 | 2 | 4 | 8 | 16 | 24 | 32) | (BITFIELDS | ALPHABITFIELDS, 16 | 32) => return Ok(Compression::None),
        (1, 1..=8) => return Ok(Compression::RunLengths(RunUnit::Index8)),
        (2, 1..=4) => return Ok(Compression::RunLengths(RunUnit::Index4)),
        (4, 24) => return Ok(Compression::RunLengths(RunUnit::Color)),
        (3, 1) => "Huffman compression",
        (4, _) => "an embedded JPEG",
        (5, _) => "an embedded PNG",
        (11..=13, _) => "CMYK",
        _ => return Err(unsupported(format!("compression {method} with {bits} bits per pixel"))),
    };
    Err(unsupported(name.into()))
}

/// Reads the color masks. Returns the end of the masks, which is the start of the pixels if no offset is declared.
fn read_masks(bytes: &[u8], info: &InfoHeader<'_>, method: u32, bits: u32) -> Result<(Masks, usize), Error> {
    let length = info.bytes.len();
    let is_windows = info.kind == Kind::Windows;
    let mut masks = Masks::of_uncompressed(bits);
    let mut end = info.end();
    if matches!(method, BITFIELDS | ALPHABITFIELDS) {
        let in_header = is_windows && length >= 52;
        let count = if method == ALPHABITFIELDS { 4 } else { 3 };
        let start = if in_header { FILE_HEADER + 40 } else { end };
        let colors = [0, 4, 8].map(|at| u32_le(bytes, start + at));
        let [Some(red), Some(green), Some(blue)] = colors else {
            return Err(damaged("it ends within its color masks"));
        };
        masks.colors = [red, green, blue];
        if !in_header {
            end = start + 4 * count;
        }
        if method == ALPHABITFIELDS {
            masks.alpha = u32_le(bytes, start + 12).unwrap_or(0);
        }
    }
    // The header's alpha mask also applies to bitmaps without other masks. Chromium's clipboard contains such bitmaps.
    if is_windows && length >= 56 {
        masks.alpha = info.field(52);
    }
    Ok((masks, end))
}

pub(super) fn u32_le(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..).and_then(|field| field.first_chunk()).map(|field| u32::from_le_bytes(*field))
}

fn unsupported(message: String) -> Error {
    Error::Unsupported { format: Format::BMP, message }
}
