//! The strips (TIFF 6.0, section 3) or tiles (section 15) that contain the pixels. Both are called chunks.

use tiff::tags::Tag;

use crate::Error;
use crate::read::tiff::compression::Compression;
use crate::read::tiff::damaged;
use crate::read::tiff::directory::Directory;
use crate::read::tiff::samples::Samples;

/// The chunks of an image. All chunks have the same size, but the last ones may extend beyond the image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Chunks {
    /// Width in pixels.
    pub(super) width: u32,
    /// Height in pixels. The last strip may have fewer rows.
    pub(super) height: u32,
    /// The number of chunks in a row of chunks.
    pub(super) across: u32,
    /// The number of rows of chunks.
    pub(super) down: u32,
    /// The tag with the position of each chunk in the file.
    offsets: Tag,
    /// The tag with the length of each chunk, or `None` if each chunk extends to the end of the file.
    lengths: Option<Tag>,
}

/// The maximum size in bytes of the tables of positions and lengths. This size is enough for a million chunks.
const MAX_TABLE_BYTES: u64 = 8 << 20;

/// The maximum number of chunks in an image of any size. Starting a chunk takes up to ten microseconds (LZMA), even if
/// the chunk has only one pixel.
const MAX_SMALL_CHUNKS: u64 = 1 << 16;

/// The average number of pixels in each further chunk. Encoding this number of pixels takes about ten microseconds.
const MIN_CHUNK_PIXELS: u64 = 64;

/// The maximum number of pixels that tiles may have outside of the image. Decoding these pixels takes time, too.
const MAX_PADDING_PIXELS: u64 = 64 << 20;

impl Chunks {
    /// Reads the tags of the chunks of an image of this size.
    pub(super) fn read(
        directory: &mut Directory<'_>,
        size: (u32, u32),
        samples: &Samples,
        compression: Compression,
    ) -> Result<Self, Error> {
        let chunks = if directory.contains(Tag::TileWidth) || directory.contains(Tag::TileLength) {
            Self::tiles(directory, size)?
        } else {
            Self::strips(directory, size)?
        };
        let bytes = |tag| directory.count(tag).saturating_mul(4);
        if bytes(chunks.offsets).saturating_add(chunks.lengths.map_or(0, bytes)) > MAX_TABLE_BYTES {
            return Err(damaged(format!("the tables of its strips or tiles are over {} MiB", MAX_TABLE_BYTES >> 20)));
        }
        let (count, pixels) =
            (u64::from(chunks.across) * u64::from(chunks.down), u64::from(size.0) * u64::from(size.1));
        if count > MAX_SMALL_CHUNKS + pixels / MIN_CHUNK_PIXELS {
            return Err(damaged(format!("its {count} strips or tiles are too small")));
        }
        if chunks.has_unreliable_length(directory, samples, compression) {
            return Ok(Self { lengths: None, ..chunks });
        }
        Ok(chunks)
    }

    fn tiles(directory: &mut Directory<'_>, (width, height): (u32, u32)) -> Result<Self, Error> {
        let mut side = |tag| match directory.number::<u32>(tag)? {
            Some(0) | None => Err(damaged(format!("it has no {tag:?}"))),
            Some(side) => Ok(side),
        };
        let (tile_width, tile_height) = (side(Tag::TileWidth)?, side(Tag::TileLength)?);
        let (across, down) = (width.div_ceil(tile_width), height.div_ceil(tile_height));
        let side = |tiles: u32, pixels: u32| u64::from(tiles) * u64::from(pixels);
        let pixels = side(across, tile_width).saturating_mul(side(down, tile_height));
        if pixels - u64::from(width) * u64::from(height) > MAX_PADDING_PIXELS {
            return Err(damaged(format!("its tiles of {tile_width}x{tile_height} are much larger than the image")));
        }
        // Some writers use the tags of strips (libtiff, TIFFReadDirectory).
        let or = |tile, strip| if directory.contains(tile) { tile } else { strip };
        let offsets = or(Tag::TileOffsets, Tag::StripOffsets);
        let lengths = or(Tag::TileByteCounts, Tag::StripByteCounts);
        let lengths = directory.contains(lengths).then_some(lengths);
        Ok(Self { width: tile_width, height: tile_height, across, down, offsets, lengths })
    }

    fn strips(directory: &mut Directory<'_>, (width, height): (u32, u32)) -> Result<Self, Error> {
        let rows = match directory.number::<u32>(Tag::RowsPerStrip)? {
            Some(0) => return Err(damaged("its strips have no rows")),
            rows => rows.map_or(height, |rows| rows.min(height)),
        };
        let lengths = directory.contains(Tag::StripByteCounts).then_some(Tag::StripByteCounts);
        let down = height.div_ceil(rows);
        Ok(Self { width, height: rows, across: 1, down, offsets: Tag::StripOffsets, lengths })
    }

    /// Whether the declared length of the only strip is ignored, as in libtiff: it is 0, or the strip is not compressed,
    /// so its length is known.
    fn has_unreliable_length(
        &self,
        directory: &mut Directory<'_>,
        samples: &Samples,
        compression: Compression,
    ) -> bool {
        let is_single = self.offsets == Tag::StripOffsets && self.down == 1 && !samples.is_planar;
        let length = self.lengths.filter(|_| is_single).map(|lengths| directory.number_at(lengths, 0));
        length.is_some_and(|length| compression == Compression::None || matches!(length, Ok(0)))
    }

    /// The number of rows in each chunk of a row of chunks, without the rows below the image.
    pub(super) fn rows(&self, row: u32, image_height: u32) -> u32 {
        self.height.min(image_height.saturating_sub(row.saturating_mul(self.height)))
    }

    /// Returns the bytes of a chunk. They may be shorter than the declared length if the file is truncated.
    ///
    /// # Errors
    /// Returns [`Error::Damaged`] if the chunk is missing.
    pub(super) fn data<'bytes>(
        &self,
        directory: &mut Directory<'bytes>,
        plane: usize,
        (column, row): (u32, u32),
    ) -> Result<&'bytes [u8], Error> {
        let per_plane = u64::from(self.across) * u64::from(self.down);
        let index = plane as u64 * per_plane + u64::from(row) * u64::from(self.across) + u64::from(column);
        let offset = directory.number_at(self.offsets, index)?;
        let data = usize::try_from(offset).ok().and_then(|offset| directory.bytes.get(offset..));
        let data =
            data.ok_or_else(|| damaged(format!("its strip or tile {index} starts after the end of the file")))?;
        let length = self.lengths.map(|lengths| directory.number_at(lengths, index)).transpose()?;
        let length = length.and_then(|length| usize::try_from(length).ok()).unwrap_or(usize::MAX);
        Ok(&data[..length.min(data.len())])
    }
}
