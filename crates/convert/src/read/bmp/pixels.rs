//! The pixels of an uncompressed bitmap.

use super::header::BmpHeader;
use super::{damaged, missing_rows};
use crate::Error;

/// Decodes the pixels to RGB or RGBA. The padding after the last row may be missing.
pub(super) fn decode(bmp: &BmpHeader<'_>) -> Result<Vec<u8>, Error> {
    let (width, height) = (bmp.size.0 as usize, bmp.size.1 as usize);
    let too_large = || damaged("it is too large for memory");
    let row_bits = width.checked_mul(bmp.bits_per_pixel as usize).ok_or_else(too_large)?;
    let row_bytes = row_bits.div_ceil(8);
    // Every row is padded to a multiple of four bytes.
    let stride = row_bytes.next_multiple_of(4);
    let samples_per_row = width * if bmp.has_alpha() { 4 } else { 3 };
    // Checked before the allocation, so that a small file cannot allocate the memory of a large image.
    let rows = bmp.pixels.chunks(stride.max(1)).filter(|row| row.len() >= row_bytes).count();
    if rows < height {
        return Err(missing_rows(u32::try_from(rows).unwrap_or(u32::MAX), bmp.size.1));
    }
    let mut samples = vec![0; samples_per_row.checked_mul(height).ok_or_else(too_large)?];
    for (index, stored) in bmp.pixels.chunks(stride.max(1)).take(height).enumerate() {
        let row = if bmp.is_top_down { index } else { height - 1 - index };
        let row = &mut samples[row * samples_per_row..(row + 1) * samples_per_row];
        match bmp.bits_per_pixel {
            1..=8 => decode_indices(bmp, stored, row),
            _ => decode_colors(bmp, stored, row),
        }
    }
    if bmp.has_alpha() {
        make_unused_alpha_opaque(&mut samples);
    }
    Ok(samples)
}

/// Decodes a row of palette indices. The leftmost pixel is in the highest bits of a byte.
fn decode_indices(bmp: &BmpHeader<'_>, stored: &[u8], row: &mut [u8]) {
    let bits = bmp.bits_per_pixel;
    let per_byte = 8 / bits as usize;
    for (column, pixel) in row.as_chunks_mut::<3>().0.iter_mut().enumerate() {
        let shift = 8 - bits * (1 + u32::try_from(column % per_byte).unwrap_or(0));
        let mask = u8::MAX >> (8 - bits);
        *pixel = bmp.palette.color(stored[column / per_byte] >> shift & mask);
    }
}

/// Decodes a row of pixels with 16, 24 or 32 bits.
fn decode_colors(bmp: &BmpHeader<'_>, stored: &[u8], row: &mut [u8]) {
    let channels = if bmp.has_alpha() { &bmp.channels[..] } else { &bmp.channels[..3] };
    let pixels = stored.chunks_exact(bmp.bits_per_pixel as usize / 8);
    for (pixel, samples) in pixels.zip(row.chunks_exact_mut(channels.len())) {
        let pixel = pixel.iter().rev().fold(0, |pixel, &byte| pixel << 8 | u32::from(byte));
        for (sample, channel) in samples.iter_mut().zip(channels) {
            *sample = channel.level(pixel);
        }
    }
}

/// Many programs declare an alpha channel and leave it empty. Browsers show such bitmaps as opaque.
fn make_unused_alpha_opaque(samples: &mut [u8]) {
    let pixels = samples.as_chunks_mut::<4>().0;
    if pixels.iter().all(|pixel| pixel[3] == 0) {
        for pixel in pixels {
            pixel[3] = u8::MAX;
        }
    }
}
