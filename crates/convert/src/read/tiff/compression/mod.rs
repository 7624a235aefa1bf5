//! Decompresses the strips and tiles.

mod deflate;
mod fax;
mod jpeg;
mod lzma;
mod lzw;
mod packbits;
mod stored;
mod zstd;

use std::borrow::Cow;
use std::io::Cursor;

use tiff::tags::{CompressionMethod, PhotometricInterpretation, Tag};

use crate::Error;
use crate::read::tiff::directory::Directory;
use crate::read::tiff::names::compression_name;
use crate::read::tiff::samples::{SampleKind, Samples};
use crate::read::tiff::tags::T4_OPTIONS;
use crate::read::tiff::{damaged, unsupported};
use fax::FaxMode;
use jpeg::JpegColors;

/// How the strips and tiles are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Compression {
    None,
    PackBits,
    Lzw,
    Deflate,
    Zstd,
    Lzma,
    Fax(FaxMode),
    Jpeg,
}

/// The number is from libtiff's `tiff.h`.
const LZMA: CompressionMethod = CompressionMethod::Unknown(34_925);

/// Decompresses one strip or tile after another, row by row. No more is decompressed than the rows that are read, so the
/// time and the memory do not depend on the declared lengths.
pub(super) trait Decompressor<'bytes> {
    /// Starts a strip or tile of which this number of rows is read.
    fn start(&mut self, data: &'bytes [u8], rows: u32) -> Result<(), Error>;

    /// Fills a row with the next bytes.
    ///
    /// # Errors
    /// Returns [`Error::Damaged`] if there are fewer bytes.
    fn read(&mut self, row: &mut [u8]) -> Result<(), Error>;
}

/// The properties of strips or tiles that the decompressors need.
pub(super) struct ChunkFormat {
    pub(super) compression: Compression,
    /// The size of a strip or tile in pixels.
    pub(super) size: (u32, u32),
    /// The number of samples of a pixel in a strip or tile.
    pub(super) samples: usize,
    /// Whether the first pixel is in the lowest bit of a byte.
    pub(super) has_reversed_bits: bool,
    /// The size of the file in bytes.
    pub(super) file_bytes: usize,
}

impl Compression {
    /// Reads the compression, and checks that the samples can be compressed in this way.
    pub(super) fn read(directory: &mut Directory<'_>) -> Result<Self, Error> {
        let value = directory.number::<u16>(Tag::Compression)?.unwrap_or(1);
        Ok(match CompressionMethod::from_u16_exhaustive(value) {
            CompressionMethod::None => Self::None,
            CompressionMethod::Huffman => Self::Fax(FaxMode::HuffmanRows),
            CompressionMethod::Fax3 => {
                let is_two_dimensional = directory.number::<u32>(T4_OPTIONS)?.unwrap_or(0) & 1 == 1;
                Self::Fax(if is_two_dimensional { FaxMode::Group3TwoDimensional } else { FaxMode::Group3 })
            }
            CompressionMethod::Fax4 => Self::Fax(FaxMode::Group4),
            CompressionMethod::LZW => Self::Lzw,
            CompressionMethod::ModernJPEG => Self::Jpeg,
            CompressionMethod::Deflate | CompressionMethod::OldDeflate => Self::Deflate,
            CompressionMethod::PackBits => Self::PackBits,
            CompressionMethod::ZSTD => Self::Zstd,
            LZMA => Self::Lzma,
            other => {
                let (name, value) = (compression_name(other.to_u16()), other.to_u16());
                return Err(unsupported(format!("its compression is {name} (Compression {value})")));
            }
        })
    }

    pub(super) fn check_samples(self, samples: &Samples) -> Result<(), Error> {
        match self {
            Self::Fax(_) if samples.kind != SampleKind::Unsigned(1) || samples.per_chunk() != 1 => {
                Err(unsupported("its pixels have more than one bit, but are compressed as a fax"))
            }
            Self::Jpeg if samples.kind != SampleKind::Unsigned(8) => Err(unsupported(format!(
                "its samples have {} bits (BitsPerSample), but are compressed as JPEG",
                samples.kind.bits()
            ))),
            Self::Jpeg if !matches!(samples.per_chunk(), 1 | 3 | 4) => {
                Err(unsupported(format!("its pixels have {} samples, but are compressed as JPEG", samples.count)))
            }
            _ => Ok(()),
        }
    }

    /// Whether the samples may be stored as differences. Other compressions ignore the tag `Predictor`, as in libtiff.
    pub(super) fn has_predictor(self) -> bool {
        matches!(self, Self::Lzw | Self::Deflate | Self::Zstd | Self::Lzma)
    }
}

impl ChunkFormat {
    /// The number of bytes that a decompressor allocates for a strip or tile whose rows have this number of bytes.
    pub(super) fn allocated_bytes(&self, row_bytes: u64, rows: u32) -> u64 {
        /// State tables and buffers: 70 KiB for LZW, 45 KiB for Deflate, 400 KiB for Zstandard.
        const STATE_BYTES: u64 = 512 << 10;
        let bytes = row_bytes.saturating_mul(rows.into());
        let copy =
            if self.has_reversed_bits || self.compression == Compression::Jpeg { self.file_bytes as u64 } else { 0 };
        STATE_BYTES.saturating_add(copy).saturating_add(match self.compression {
            Compression::None | Compression::PackBits | Compression::Lzw | Compression::Deflate => 0,
            Compression::Zstd => bytes.min(zstd::MAX_WINDOW_BYTES),
            Compression::Lzma => bytes.min(lzma::MAX_DICTIONARY_BYTES),
            Compression::Fax(_) => bytes,
            // The coefficients of a progressive JPEG have two bytes for each sample.
            Compression::Jpeg => bytes.saturating_mul(3),
        })
    }

    /// Creates the decompressor. `photometric` decides the meaning of the colors of a JPEG.
    pub(super) fn decompressor<'bytes>(
        &self,
        directory: &mut Directory<'bytes>,
        photometric: PhotometricInterpretation,
    ) -> Result<Box<dyn Decompressor<'bytes> + 'bytes>, Error> {
        let bits = BitOrder { is_reversed: self.has_reversed_bits, budget: Budget::new(self.file_bytes) };
        Ok(match self.compression {
            Compression::None => Box::new(stored::Stored::new(self.has_reversed_bits)),
            Compression::PackBits => Box::new(packbits::PackBits::new(bits)),
            Compression::Lzw => Box::new(lzw::Lzw::new(bits)),
            Compression::Deflate => Box::new(deflate::Deflate::new(bits)),
            Compression::Zstd => Box::new(zstd::Zstd::new(bits)),
            Compression::Lzma => Box::new(lzma::Lzma::new(bits)),
            Compression::Fax(mode) => Box::new(fax::Fax::new(mode, self.size.0, bits)),
            Compression::Jpeg => {
                let is_ycbcr = photometric == PhotometricInterpretation::YCbCr && self.samples == 3;
                let colors = if is_ycbcr { JpegColors::YCbCrToRgb } else { JpegColors::Unchanged };
                let tables = jpeg::jpeg_tables(directory)?;
                Box::new(jpeg::Jpeg::new(tables, colors, self.size, self.samples, Budget::new(self.file_bytes)))
            }
        })
    }
}

/// Limits the bytes that are copied. In a file without overlapping strips or tiles, this number is at most the size of
/// the file. A file with overlapping ones could cause any number of copies of the whole file.
pub(super) struct Budget {
    remaining_bytes: usize,
}

impl Budget {
    fn new(file_bytes: usize) -> Self {
        /// For the JPEG tables, which are copied for every strip or tile.
        const TABLES_BYTES: usize = 64 << 20;
        Self { remaining_bytes: file_bytes.saturating_mul(2).saturating_add(TABLES_BYTES) }
    }

    fn spend(&mut self, bytes: usize) -> Result<(), Error> {
        let remaining = self.remaining_bytes.checked_sub(bytes);
        self.remaining_bytes = remaining.ok_or_else(|| damaged("its strips or tiles overlap"))?;
        Ok(())
    }
}

/// The order of the bits in a byte of compressed data (TIFF 6.0, section 8, `FillOrder`).
pub(super) struct BitOrder {
    is_reversed: bool,
    budget: Budget,
}

impl BitOrder {
    /// Returns the data with the highest bit first.
    fn highest_first<'bytes>(&mut self, data: &'bytes [u8]) -> Result<Cow<'bytes, [u8]>, Error> {
        if !self.is_reversed {
            return Ok(Cow::Borrowed(data));
        }
        self.budget.spend(data.len())?;
        Ok(data.iter().map(|byte| byte.reverse_bits()).collect())
    }
}

/// The bytes that have not been decompressed.
fn remaining<'a>(data: &'a Cursor<Cow<'_, [u8]>>) -> &'a [u8] {
    usize::try_from(data.position()).ok().and_then(|at| data.get_ref().get(at..)).unwrap_or_default()
}

/// The error for a strip or tile with fewer bytes than its rows need.
fn too_short() -> Error {
    damaged("a strip or tile contains fewer pixels than its size")
}
