//! Reverses the differences that a predictor stored instead of the samples, row by row.

use tiff::tags::{ByteOrder, Predictor, Tag};

use crate::Error;
use crate::read::tiff::compression::Compression;
use crate::read::tiff::directory::Directory;
use crate::read::tiff::samples::{SampleKind, Samples};
use crate::read::tiff::unsupported;

/// Reads the predictor, and checks that it is defined for these samples, as in libtiff.
pub(super) fn read_predictor(
    directory: &mut Directory<'_>,
    compression: Compression,
    samples: &Samples,
) -> Result<Predictor, Error> {
    if !compression.has_predictor() {
        return Ok(Predictor::None);
    }
    let predictor = directory.predictor()?;
    match (predictor, samples.kind) {
        (Predictor::None, _)
        | (Predictor::Horizontal, SampleKind::Unsigned(8 | 16 | 32 | 64) | SampleKind::Signed(8 | 16 | 32 | 64))
        | (Predictor::Horizontal | Predictor::FloatingPoint, SampleKind::Float(_)) => Ok(predictor),
        (predictor, kind) => {
            let (value, bits) = (predictor.to_u16(), kind.bits());
            Err(unsupported(format!(
                "its samples of {bits} bits are stored as differences ({:?} {value})",
                Tag::Predictor
            )))
        }
    }
}

/// Adds the differences (TIFF 6.0, section 14). `stride` is the number of samples of a pixel in the row, and `bytes` is
/// the number of bytes of a sample.
pub(super) fn add_differences(row: &mut [u8], stride: usize, bytes: usize, byte_order: ByteOrder) {
    match bytes {
        1 => (stride..row.len()).for_each(|at| row[at] = row[at].wrapping_add(row[at - stride])),
        2 => add_numbers::<2>(row, stride, byte_order),
        4 => add_numbers::<4>(row, stride, byte_order),
        _ => add_numbers::<8>(row, stride, byte_order),
    }
}

fn add_numbers<const BYTES: usize>(row: &mut [u8], stride: usize, byte_order: ByteOrder) {
    let (samples, _) = row.as_chunks_mut::<BYTES>();
    for at in stride..samples.len() {
        samples[at] = add(samples[at], samples[at - stride], byte_order);
    }
}

/// Adds two numbers in this byte order, without the carry out of the highest byte.
fn add<const BYTES: usize>(one: [u8; BYTES], other: [u8; BYTES], byte_order: ByteOrder) -> [u8; BYTES] {
    let mut sum = [0; BYTES];
    let mut carry = false;
    for index in 0..BYTES {
        let at = if byte_order == ByteOrder::LittleEndian { index } else { BYTES - 1 - index };
        (sum[at], carry) = one[at].carrying_add(other[at], carry);
    }
    sum
}

/// Reverses the floating-point predictor (Adobe Photoshop TIFF Technical Note 3): adds the differences of all bytes, and
/// joins the bytes of each sample, which are stored in separate parts of the row. The samples become big-endian.
pub(super) fn join_float_bytes(row: &mut [u8], stride: usize, bytes: usize, joined: &mut [u8]) {
    add_differences(row, stride, 1, ByteOrder::BigEndian);
    let samples = row.len() / bytes;
    for (at, sample) in joined.chunks_exact_mut(bytes).enumerate() {
        for (part, byte) in sample.iter_mut().enumerate() {
            *byte = row[part * samples + at];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_are_added_in_both_byte_orders() {
        let mut row = [1, 2, 1, 1, 255, 255];
        add_differences(&mut row, 2, 1, ByteOrder::LittleEndian);
        assert_eq!(row, [1, 2, 2, 3, 1, 2]);
        let mut row = [0xff, 0x00, 0x01, 0x00, 0x00, 0x01];
        add_differences(&mut row, 1, 2, ByteOrder::LittleEndian);
        assert_eq!(row, [0xff, 0x00, 0x00, 0x01, 0x00, 0x02]);
        let mut row = [0x00, 0xff, 0x00, 0x01, 0xff, 0x00];
        add_differences(&mut row, 1, 2, ByteOrder::BigEndian);
        assert_eq!(row, [0x00, 0xff, 0x01, 0x00, 0x00, 0x00]);
        let mut row = [0, 0, 0, 1, 0, 0, 0, 2, 0xff, 0xff, 0xff, 0xff];
        add_differences(&mut row, 1, 4, ByteOrder::BigEndian);
        assert_eq!(row, [0, 0, 0, 1, 0, 0, 0, 3, 0, 0, 0, 2]);
    }

    #[test]
    fn bytes_of_floats_are_joined() {
        // The numbers 1.0 and 2.5 have the bytes 3f 80 00 00 and 40 20 00 00.
        let mut row = [0x3f, 0x01, 0x40, 0xa0, 0xe0, 0x00, 0x00, 0x00];
        let mut joined = [0; 8];
        join_float_bytes(&mut row, 1, 4, &mut joined);
        assert_eq!(joined, [0x3f, 0x80, 0, 0, 0x40, 0x20, 0, 0]);
    }
}
