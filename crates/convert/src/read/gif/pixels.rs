//! Decodes the pixels of a frame.

use image::RgbaImage;
use weezl::decode::Decoder;
use weezl::{BitOrder, LzwStatus};

use super::blocks::Frame;

/// The visible part of a frame. Missing pixels are transparent.
pub(super) struct FramePixels {
    pub(super) left: u32,
    pub(super) top: u32,
    pub(super) pixels: RgbaImage,
    /// The number of complete rows, visible or not.
    pub(super) rows: u32,
}

/// The maximum code size that the LZW decoder supports in a GIF, whose codes have at most 12 bits. Browsers reject code
/// sizes over 8.
pub(super) const MAX_CODE_SIZE: u8 = 11;

/// The maximum number of codes that the LZW decoder holds: it holds 64 bits, and a code has at least 2 bits. A call may
/// process only a clear code, so it consumes no input and outputs nothing.
const MAX_HELD_CODES: usize = 32;

impl Frame<'_> {
    /// Decodes the part of the frame that is inside an image of this size. The memory depends on the size of the image
    /// and not on the size of the frame. Invalid LZW data is the end of the data; bytes after the last pixel are
    /// ignored.
    pub(super) fn decode(&self, global_palette: &[u8], (width, height): (u32, u32)) -> FramePixels {
        let (left, top) = (self.left.min(width), self.top.min(height));
        let mut pixels = RgbaImage::new(self.width.min(width - left), self.height.min(height - top));
        let colors = self.colors(global_palette);
        let row_length = pixels.width() as usize;
        let mut draw_row = |row: u32, indices: &[u8]| {
            if row < pixels.height() {
                let start = row as usize * row_length * 4;
                let line = pixels.get_mut(start..start + row_length * 4).unwrap_or_default();
                for (pixel, &index) in line.as_chunks_mut().0.iter_mut().zip(indices) {
                    *pixel = colors[usize::from(index)];
                }
            }
        };
        let rows = self.decode_rows(&mut draw_row);
        // Chromium repeats the rows of the first passes, unless a pixel may be transparent.
        if rows < self.height && self.is_interlaced && self.control.transparent.is_none() {
            repeat_rows(&mut pixels, &self.row_order().take(rows as usize).collect::<Vec<_>>());
        }
        FramePixels { left, top, pixels, rows }
    }

    /// The rows of the image in the order in which they are stored.
    fn row_order(&self) -> impl Iterator<Item = u32> + use<> {
        // The first row and the distance of the rows in each pass (specification of GIF 89a, appendix E).
        let passes: &[(u32, usize)] = if self.is_interlaced { &[(0, 8), (4, 8), (2, 4), (1, 2)] } else { &[(0, 1)] };
        let height = self.height;
        passes.iter().flat_map(move |&(first, step)| (first..height).step_by(step))
    }

    /// Decodes the palette indices of each row, and returns the number of complete rows. The last row that is drawn may
    /// be incomplete.
    fn decode_rows(&self, draw_row: &mut dyn FnMut(u32, &[u8])) -> u32 {
        if self.width == 0 || self.code_size > MAX_CODE_SIZE {
            return if self.width == 0 { self.height } else { 0 };
        }
        let mut decoder = Decoder::new(BitOrder::Lsb, self.code_size);
        let mut indices = vec![0; self.width as usize];
        let (mut filled, mut rows) = (0, 0);
        let mut order = self.row_order();
        let Some(mut row) = order.next() else { return 0 };
        // The empty input at the end makes the decoder output the pixels that it still holds.
        for mut input in self.data.clone().chain([&[][..]]) {
            let mut idle_calls = 0;
            loop {
                let result = decoder.decode_bytes(input, &mut indices[filled..]);
                input = &input[result.consumed_in..];
                filled += result.consumed_out;
                if filled == indices.len() {
                    draw_row(row, &indices);
                    (filled, rows) = (0, rows + 1);
                    let Some(next) = order.next() else { return rows };
                    row = next;
                }
                let is_ended = !matches!(result.status, Ok(LzwStatus::Ok | LzwStatus::NoProgress));
                if is_ended {
                    draw_row(row, &indices[..filled]);
                    return rows;
                }
                let is_idle = result.consumed_in == 0 && result.consumed_out == 0;
                idle_calls = if is_idle { idle_calls + 1 } else { 0 };
                if idle_calls > MAX_HELD_CODES {
                    break;
                }
            }
        }
        draw_row(row, &indices[..filled]);
        rows
    }

    /// The color of each palette index. Indices beyond the palette are black, also if the file has no palette.
    fn colors(&self, global_palette: &[u8]) -> [[u8; 4]; 256] {
        let mut colors = [[0, 0, 0, u8::MAX]; 256];
        for (color, &[red, green, blue]) in colors.iter_mut().zip(self.palette.unwrap_or(global_palette).as_chunks().0)
        {
            *color = [red, green, blue, u8::MAX];
        }
        if let Some(transparent) = self.control.transparent {
            colors[usize::from(transparent)] = [0; 4];
        }
        colors
    }
}

/// Copies decoded rows into the missing rows below them. In the first pass, a row represents eight rows.
fn repeat_rows(pixels: &mut RgbaImage, decoded: &[u32]) {
    let row_bytes = pixels.width() as usize * 4;
    let mut source = None;
    let mut is_decoded = vec![false; pixels.height() as usize];
    for &row in decoded {
        if let Some(is_decoded) = is_decoded.get_mut(row as usize) {
            *is_decoded = true;
        }
    }
    for (row, is_decoded) in is_decoded.into_iter().enumerate() {
        if is_decoded {
            source = Some(row);
        } else if let Some(source) = source.filter(|source| row - source < 8) {
            pixels.copy_within(source * row_bytes..(source + 1) * row_bytes, row * row_bytes);
        }
    }
}
