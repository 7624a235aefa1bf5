//! Decodes the pixels row by row.

use tiff::tags::{ByteOrder, PhotometricInterpretation, Predictor};

use crate::Error;
use crate::read::tiff::chunks::Chunks;
use crate::read::tiff::colors::{Colors, Level};
use crate::read::tiff::compression::{ChunkFormat, Decompressor};
use crate::read::tiff::damaged;
use crate::read::tiff::directory::Directory;
use crate::read::tiff::levels::{SampleRow, Scale};
use crate::read::tiff::predictor::{add_differences, join_float_bytes};
use crate::read::tiff::samples::Samples;

/// Everything that decoding the pixels needs.
pub(super) struct PixelReader<'bytes> {
    pub(super) directory: Directory<'bytes>,
    /// Width and height of the image in pixels.
    pub(super) size: (u32, u32),
    pub(super) samples: Samples,
    pub(super) photometric: PhotometricInterpretation,
    pub(super) colors: Colors,
    pub(super) chunks: Chunks,
    pub(super) format: ChunkFormat,
    pub(super) predictor: Predictor,
    /// The number of columns and rows that share a chroma sample; (1, 1) if the samples are not luma and chroma.
    pub(super) subsampling: (u8, u8),
}

/// The rows of one sample, or of all samples, of a strip or tile.
struct Plane<'bytes> {
    /// The number of the plane in the file.
    number: usize,
    decompressor: Box<dyn Decompressor<'bytes> + 'bytes>,
    row: Vec<u8>,
    /// A second row, for the floating-point predictor.
    joined: Vec<u8>,
}

impl<'bytes> PixelReader<'bytes> {
    /// The number of channels of a decoded pixel.
    pub(super) fn channels(&self) -> usize {
        self.colors.channels() + usize::from(self.samples.alpha.is_some())
    }

    /// The number of bytes that decoding allocates in addition to the decoded pixels.
    pub(super) fn allocated_bytes(&self) -> u64 {
        let planes = if self.samples.is_planar { self.samples.decoded() as u64 } else { 1 };
        let row = self.row_bytes();
        let plane = row.saturating_mul(2).saturating_add(self.format.allocated_bytes(row, self.chunks.height));
        let levels = 2 * self.samples.decoded() as u64 * u64::from(self.chunks.width.min(self.size.0));
        plane.saturating_mul(planes).saturating_add(levels)
    }

    /// The number of bytes of a row of a strip or tile. With chroma subsampling, it is a row of blocks of pixels.
    fn row_bytes(&self) -> u64 {
        let width = u64::from(self.chunks.width);
        let (across, down) = (u64::from(self.subsampling.0), u64::from(self.subsampling.1));
        if across * down > 1 {
            return width.div_ceil(across) * (across * down + 2);
        }
        (width * self.samples.per_chunk() as u64 * u64::from(self.samples.kind.bits())).div_ceil(8)
    }

    /// Decodes all pixels, with interleaved channels.
    ///
    /// # Errors
    /// Returns [`Error::Damaged`] if any pixels are missing.
    pub(super) fn read<T: Level>(mut self) -> Result<Vec<T>, Error> {
        let (width, height) = self.size;
        let channels = self.channels();
        let row_length = width as usize * channels;
        let length = row_length.checked_mul(height as usize).ok_or_else(|| damaged("it has too many pixels"))?;
        let mut pixels = vec![T::default(); length];
        let mut planes = self.planes()?;
        let visible_columns = |left: u32, chunk_width: u32| (width - left).min(chunk_width) as usize;
        let mut levels = vec![0; visible_columns(0, self.chunks.width) * self.samples.decoded()];
        for row in 0..self.chunks.down {
            let (top, rows) = (row * self.chunks.height, self.chunks.rows(row, height));
            for column in 0..self.chunks.across {
                for plane in &mut planes {
                    let data = self.chunks.data(&mut self.directory, plane.number, (column, row))?;
                    plane.decompressor.start(data, rows)?;
                }
                let left = column * self.chunks.width;
                let columns = visible_columns(left, self.chunks.width);
                let levels = &mut levels[..columns * self.samples.decoded()];
                for y in 0..rows {
                    self.read_levels(&mut planes, y, levels)?;
                    let start = (top + y) as usize * row_length + left as usize * channels;
                    let pixels = &mut pixels[start..start + columns * channels];
                    self.colors.convert(levels, self.samples.kind, self.samples.alpha.is_some(), pixels);
                }
            }
        }
        Ok(pixels)
    }

    fn planes(&mut self) -> Result<Vec<Plane<'bytes>>, Error> {
        let row_bytes = usize::try_from(self.row_bytes()).map_err(|_| damaged("its strips or tiles are too wide"))?;
        let numbers = if self.samples.is_planar { self.samples.indexes().collect() } else { vec![0] };
        let plane = |number| {
            let decompressor = self.format.decompressor(&mut self.directory, self.photometric)?;
            let joined = if self.predictor == Predictor::FloatingPoint { row_bytes } else { 0 };
            Ok(Plane { number, decompressor, row: vec![0; row_bytes], joined: vec![0; joined] })
        };
        numbers.into_iter().map(plane).collect()
    }

    /// Reads the samples of the pixels in row `y` of the current strip or tile. The rows must be read in order.
    fn read_levels(&self, planes: &mut [Plane<'bytes>], y: u32, levels: &mut [u16]) -> Result<(), Error> {
        let channels = self.samples.decoded();
        let scale = if matches!(self.colors, Colors::Palette(_)) { Scale::Unchanged } else { Scale::Full };
        if self.subsampling != (1, 1) {
            let Some(plane) = planes.first_mut() else { return Ok(()) };
            let block_row = y % u32::from(self.subsampling.1);
            if block_row == 0 {
                plane.decompressor.read(&mut plane.row)?;
            }
            unpack_blocks(&plane.row, self.subsampling, block_row as usize, levels);
            return Ok(());
        }
        for (channel, index) in self.samples.indexes().enumerate() {
            let number = if self.samples.is_planar { channel } else { 0 };
            let Some(plane) = planes.get_mut(number) else { return Ok(()) };
            // A row with all samples is read once.
            if self.samples.is_planar || channel == 0 {
                self.read_row(plane)?;
            }
            let (bytes, byte_order) = match self.predictor {
                Predictor::FloatingPoint => (&plane.joined, ByteOrder::BigEndian),
                _ => (&plane.row, self.directory.byte_order),
            };
            let row = SampleRow { bytes, kind: self.samples.kind, byte_order, stride: self.samples.per_chunk() };
            row.unpack(if self.samples.is_planar { 0 } else { index }, scale, levels, channel, channels);
        }
        Ok(())
    }

    fn read_row(&self, plane: &mut Plane<'bytes>) -> Result<(), Error> {
        plane.decompressor.read(&mut plane.row)?;
        let (stride, bytes) = (self.samples.per_chunk(), usize::from(self.samples.kind.bits() / 8));
        match self.predictor {
            Predictor::Horizontal => add_differences(&mut plane.row, stride, bytes, self.directory.byte_order),
            Predictor::FloatingPoint => join_float_bytes(&mut plane.row, stride, bytes, &mut plane.joined),
            _ => {}
        }
        Ok(())
    }
}

/// Unpacks one row of pixels from a row of blocks. A block contains the luma samples of its pixels, row by row, and then
/// one sample of Cb and one of Cr (TIFF 6.0, section 21, "Ordering of Component Samples").
fn unpack_blocks(blocks: &[u8], (across, down): (u8, u8), block_row: usize, levels: &mut [u16]) {
    let (across, down) = (usize::from(across), usize::from(down));
    let pixels = levels.as_chunks_mut::<3>().0.chunks_mut(across);
    for (block, pixels) in blocks.chunks_exact(across * down + 2).zip(pixels) {
        let (luma, chroma) = block.split_at(across * down);
        for (pixel, y) in pixels.iter_mut().zip(&luma[block_row * across..]) {
            *pixel = [*y, chroma[0], chroma[1]].map(u16::from);
        }
    }
}
