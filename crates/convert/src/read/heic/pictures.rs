//! Decodes the HEVC pictures of an image, and puts them together to planes.

use std::borrow::Cow;
use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::panic::resume_unwind;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use heifer_hevc_dec::recon::Frame;
use heifer_isobmff::boxes::{HevcConfig, Property};
use heifer_isobmff::{HeifFile, ItemId};
use model::{Chroma, Cicp, Depth, Samples, Shape};

use super::sequence::FirstFrame;
use super::{color, damaged, from_box_reader, from_decoder, hevc, unsupported};
use crate::Error;

/// Bytes per pixel that heifer allocates while it decodes a picture: the samples before and after the filters, and the
/// data of each block. The maximum that was measured is 12.6, for noise in 4:4:4. A copy of the samples, which takes 6, is
/// added if the sides of the picture are not multiples of the coding block.
pub(super) const BYTES_PER_DECODED_PIXEL: u64 = 20;
/// The maximum number of threads that decode tiles.
const MAX_THREADS: usize = 8;
/// The parts of an image together have at most this many times the pixels of the image, and at most this many pixels more. The
/// tiles of phones have up to 1.2 times the pixels of the image.
const MAX_PIXEL_RATIO: u64 = 4;
const MAX_ADDITIONAL_PIXELS: u64 = 1 << 22;
/// The pictures with their parameter sets are at most so many times as long as the file, or have at most so many bytes. In a
/// hostile file, many items may refer to the same bytes.
const MAX_STREAM_RATIO: usize = 2;
const MAX_SMALL_STREAMS: usize = 16 << 20;
/// A picture may be larger than the image that it contains: its sides are multiples of the coding block, which has up to
/// 64 pixels.
const MAX_BLOCK: u64 = 64;

/// The HEVC pictures of an image, row by row.
pub(super) struct Pictures<'bytes> {
    /// The dimensions and the sample format of the whole image.
    pub(super) shape: Shape,
    /// The colors of the samples.
    pub(super) code_points: Cicp,
    columns: u32,
    /// Width and height of a tile in pixels.
    tile: (u32, u32),
    coded: Vec<Picture<'bytes>>,
}

enum Picture<'bytes> {
    Item(Arc<HeifFile<'bytes>>, ItemId),
    Frame(HevcConfig, &'bytes [u8]),
}

impl<'bytes> Pictures<'bytes> {
    /// Reads the description of an image that is one picture or a grid of pictures. `bytes` is the length of the file.
    pub(super) fn open(file: &Arc<HeifFile<'bytes>>, item: ItemId, bytes: usize) -> Result<Self, Error> {
        let kind = file.item(item).map_err(from_box_reader)?.item_type;
        let (tiles, columns, output) = match &kind.0 {
            b"hvc1" | b"hev1" => (vec![item], 1, file.image_size(item).map_err(from_box_reader)?),
            b"grid" => {
                let grid = file.grid(item).map_err(from_box_reader)?;
                let tiles = file.referenced_items(item, b"dimg").to_vec();
                if tiles.len() != usize::from(grid.rows) * usize::from(grid.columns) {
                    return Err(damaged("the number of its tiles differs from the size of its grid"));
                }
                if !tiles.iter().all(|&tile| is_plain_picture(file, tile)) {
                    return Err(unsupported("a grid whose tiles are not plain HEVC pictures"));
                }
                (tiles, u32::from(grid.columns), Some((grid.output_width, grid.output_height)))
            }
            _ => return Err(unsupported(&format!("an image is coded as `{kind}`, not as HEVC"))),
        };
        let first = tiles[0];
        let config = file.hevc_config(first).map_err(from_box_reader)?;
        let config = config.ok_or_else(|| damaged("its box `hvcC` is missing"))?;
        let tile = file.image_size(first).map_err(from_box_reader)?;
        let tile = tile.ok_or_else(|| damaged("its box `ispe` is missing"))?;
        let (width, height) = output.unwrap_or(tile);
        let shape = Shape { width, height, depth: depth(config), chroma: chroma_of(config.chroma_format) };
        let code_points = color::code_points(file, [item, first], config);
        let coded = tiles.iter().map(|&tile| Picture::Item(Arc::clone(file), tile)).collect();
        let image = Self { shape, code_points, columns, tile, coded };
        image.check_layout()?;
        check_stream_length(file, &tiles, bytes)?;
        Ok(image)
    }

    /// Creates the image of a single frame.
    pub(super) fn from_frame(FirstFrame { config, size, sample, .. }: FirstFrame<'bytes>) -> Result<Self, Error> {
        let chroma = chroma_of(config.chroma_format);
        let shape = Shape { width: size.0, height: size.1, depth: depth(&config), chroma };
        let code_points = color::stream_code_points(&config);
        let coded = vec![Picture::Frame(config, sample)];
        let image = Self { shape, code_points, columns: 1, tile: size, coded };
        image.check_layout()?;
        Ok(image)
    }

    /// Checks that the tiles cover the image, that each of them is visible, and that a small image has no large tiles.
    fn check_layout(&self) -> Result<(), Error> {
        let (columns, count) = (u64::from(self.columns), self.coded.len() as u64);
        let sides =
            [(self.shape.width, self.tile.0, columns), (self.shape.height, self.tile.1, count.div_ceil(columns))];
        for (whole, tile, tiles) in sides {
            let (whole, tile) = (u64::from(whole), u64::from(tile));
            if whole == 0 || tile == 0 || tile * tiles < whole || tile * (tiles - 1) >= whole {
                return Err(damaged("its tiles do not match its size"));
            }
        }
        let (whole, tile) = (pixels((self.shape.width, self.shape.height)), self.coded_pixels());
        if are_much_larger(tile.saturating_mul(count), whole) {
            return Err(damaged("its tiles are much larger than the image"));
        }
        let (halves_width, halves_height) = match self.shape.chroma {
            Chroma::Yuv420 => (true, true),
            Chroma::Yuv422 => (true, false),
            Chroma::Monochrome | Chroma::Yuv444 => (false, false),
        };
        let is_odd = |halves: bool, side: u32| halves && !side.is_multiple_of(2);
        if count > 1 && (is_odd(halves_width, self.tile.0) || is_odd(halves_height, self.tile.1)) {
            return Err(unsupported("tiles with an odd width or height"));
        }
        Ok(())
    }

    /// The maximum memory in bytes that decoding takes in addition to the planes.
    pub(super) fn decoding_bytes(&self) -> u64 {
        self.coded_pixels().saturating_mul(BYTES_PER_DECODED_PIXEL).saturating_mul(self.threads().get() as u64)
    }

    /// The maximum number of pixels of a picture, as it is coded.
    fn coded_pixels(&self) -> u64 {
        let coded = |side: u32| (u64::from(side) + MAX_BLOCK - 1).next_multiple_of(MAX_BLOCK);
        coded(self.tile.0).saturating_mul(coded(self.tile.1))
    }

    fn threads(&self) -> NonZeroUsize {
        let available = thread::available_parallelism().unwrap_or(NonZeroUsize::MIN).get();
        NonZeroUsize::new(available.min(MAX_THREADS).min(self.coded.len())).unwrap_or(NonZeroUsize::MIN)
    }

    /// Decodes the planes: one plane for a gray image, otherwise luma, Cb and Cr.
    pub(super) fn decode(&self) -> Result<Vec<Samples>, Error> {
        let planes: Vec<Samples> = (0..self.shape.chroma.planes()).map(|plane| self.empty_plane(plane)).collect();
        let (planes, failure) = (Mutex::new(planes), Mutex::new(None));
        let next = AtomicUsize::new(0);
        let work = || {
            loop {
                let index = next.fetch_add(1, Ordering::Relaxed);
                let Some(picture) = self.coded.get(index) else { return };
                let placed = self.decode_picture(picture).map(|frame| {
                    let mut planes = planes.lock().unwrap_or_else(PoisonError::into_inner);
                    for (number, plane) in planes.iter_mut().enumerate() {
                        self.place(index, &frame, number, plane);
                    }
                });
                if let Err(error) = placed {
                    // The error of the first tile is reported, whichever thread is faster.
                    let mut failure = failure.lock().unwrap_or_else(PoisonError::into_inner);
                    if failure.as_ref().is_none_or(|(earlier, _)| index < *earlier) {
                        *failure = Some((index, error));
                    }
                    next.store(self.coded.len(), Ordering::Relaxed);
                }
            }
        };
        thread::scope(|scope| {
            let others: Vec<_> = (1..self.threads().get()).map(|_| scope.spawn(work)).collect();
            work();
            for other in others {
                if let Err(panic) = other.join() {
                    resume_unwind(panic);
                }
            }
        });
        match failure.into_inner().unwrap_or_else(PoisonError::into_inner) {
            Some((_, error)) => Err(error),
            None => Ok(planes.into_inner().unwrap_or_else(PoisonError::into_inner)),
        }
    }

    fn decode_picture(&self, picture: &Picture<'_>) -> Result<Frame, Error> {
        let (config, sample) = match picture {
            Picture::Item(file, item) => {
                let config = file.hevc_config(*item).map_err(from_box_reader)?;
                let config = config.ok_or_else(|| damaged("its box `hvcC` is missing"))?;
                (config, file.item_data(*item).map_err(from_box_reader)?)
            }
            Picture::Frame(config, sample) => (config, Cow::Borrowed(*sample)),
        };
        let frame = hevc::decode(config, &sample, self.coded_pixels()).map_err(from_decoder)?;
        let is_smaller = frame.widths[0] < self.tile.0 || frame.heights[0] < self.tile.1;
        let is_different = chroma_of(frame.chroma_format) != self.shape.chroma
            || frame.bit_depth.iter().any(|&bits| u32::from(bits) > self.shape.depth.bits());
        if is_smaller || is_different {
            return Err(damaged("a picture differs from its description"));
        }
        Ok(frame)
    }

    fn empty_plane(&self, plane: usize) -> Samples {
        let (width, height) = self.shape.plane_size(plane);
        let count = width as usize * height as usize;
        match self.shape.depth {
            Depth::Eight => Samples::U8(vec![0; count]),
            Depth::Ten | Depth::Twelve => Samples::U16(vec![0; count]),
        }
    }

    /// Copies the visible part of one plane of a tile.
    fn place(&self, index: usize, frame: &Frame, number: usize, plane: &mut Samples) {
        let columns = self.columns as usize;
        let size = |shape: Shape| {
            let (width, height) = shape.plane_size(number);
            (width as usize, height as usize)
        };
        let (width, height) = size(self.shape);
        let tile = size(Shape { width: self.tile.0, height: self.tile.1, ..self.shape });
        let (left, top) = (index % columns * tile.0, index / columns * tile.1);
        let (visible, rows) = (tile.0.min(width - left), tile.1.min(height - top));
        let source = frame.planes[number].chunks(frame.widths[number] as usize).map(|row| &row[..visible]);
        let shift = self.shape.depth.bits() - u32::from(frame.bit_depth[usize::from(number > 0)]);
        match plane {
            Samples::U8(samples) => {
                let rows = samples.chunks_mut(width).skip(top).take(rows);
                for (row, source) in rows.zip(source) {
                    for (to, &from) in row[left..left + visible].iter_mut().zip(source) {
                        // A sample of 8 bits has no high byte.
                        [*to, _] = from.to_le_bytes();
                    }
                }
            }
            Samples::U16(samples) => {
                let rows = samples.chunks_mut(width).skip(top).take(rows);
                for (row, source) in rows.zip(source) {
                    for (to, &from) in row[left..left + visible].iter_mut().zip(source) {
                        *to = from << shift;
                    }
                }
            }
        }
    }
}

/// Whether an item is a picture that heifer decodes without further steps.
fn is_plain_picture(file: &HeifFile<'_>, item: ItemId) -> bool {
    let is_picture = file.item(item).is_ok_and(|item| matches!(&item.item_type.0, b"hvc1" | b"hev1"));
    let is_changed = |property: &Property| {
        matches!(property, Property::CleanAperture { .. } | Property::Rotation(1..) | Property::Mirror(_))
    };
    let has_alpha = !file.referencing_items(item, b"auxl").is_empty();
    is_picture && !has_alpha && file.item_properties(item).is_ok_and(|mut properties| !properties.any(is_changed))
}

/// Checks the length of all pictures together with their parameter sets.
fn check_stream_length(file: &HeifFile<'_>, items: &[ItemId], bytes: usize) -> Result<(), Error> {
    let (mut lengths, mut total) = (HashMap::new(), 0_usize);
    for &item in items {
        let length = if let Some(&length) = lengths.get(&item) {
            length
        } else {
            let sets = file.hevc_config(item).map_err(from_box_reader)?;
            let sets = sets.map_or(0, |config| config.nal_units.iter().map(|unit| unit.len() + 4).sum::<usize>());
            file.item_data(item).map_err(from_box_reader)?.len().saturating_add(sets)
        };
        lengths.insert(item, length);
        total = total.saturating_add(length);
        if total > bytes.saturating_mul(MAX_STREAM_RATIO).max(MAX_SMALL_STREAMS) {
            return Err(damaged("its tiles use the same bytes many times"));
        }
    }
    Ok(())
}

/// Returns the number of pixels of an image with this width and height.
pub(super) fn pixels((width, height): (u32, u32)) -> u64 {
    u64::from(width) * u64::from(height)
}

/// Whether the parts of an image, its tiles or layers, together have many more pixels than the image.
pub(super) fn are_much_larger(parts: u64, whole: u64) -> bool {
    parts > whole.saturating_mul(MAX_PIXEL_RATIO).saturating_add(MAX_ADDITIONAL_PIXELS)
}

/// Returns the depth in which the samples are stored: the next larger depth that an AVIF can have.
fn depth(config: &HevcConfig) -> Depth {
    match config.bit_depth_luma.max(config.bit_depth_chroma) {
        ..=8 => Depth::Eight,
        9..=10 => Depth::Ten,
        11.. => Depth::Twelve,
    }
}

/// Returns the chroma resolution of an HEVC `chroma_format_idc` (ITU-T H.265, table 6-1).
fn chroma_of(format: u8) -> Chroma {
    match format {
        0 => Chroma::Monochrome,
        1 => Chroma::Yuv420,
        2 => Chroma::Yuv422,
        _ => Chroma::Yuv444,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn number_of_coded_pixels_is_limited_by_its_type() {
        let shape = Shape { width: 1, height: 1, depth: Depth::Eight, chroma: Chroma::Yuv420 };
        let pictures = |tile| Pictures { shape, code_points: Cicp::SRGB, columns: 1, tile, coded: vec![] };
        // The sides of a coded picture are multiples of 64.
        assert_eq!(pictures((65, 1)).coded_pixels(), 128 * 64);
        assert_eq!(pictures((u32::MAX, u32::MAX)).coded_pixels(), u64::MAX);
    }
}
