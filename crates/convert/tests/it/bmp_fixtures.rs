//! Builds bitmaps byte by byte.

/// A header with the fields of `BITMAPINFOHEADER`, followed by zeros up to its length.
pub(crate) fn header(length: u32, width: i32, height: i32, bits: u16, compression: u32, colors: u32) -> Vec<u8> {
    let mut header = length.to_le_bytes().to_vec();
    header.extend([width.to_le_bytes(), height.to_le_bytes()].concat());
    header.extend([1_u16.to_le_bytes(), bits.to_le_bytes()].concat());
    header.extend([compression, 0, 0, 0, colors, 0].map(u32::to_le_bytes).concat());
    header.resize(length as usize, 0);
    header
}

pub(crate) fn with_masks(mut header: Vec<u8>, masks: [u32; 4]) -> Vec<u8> {
    header[40..56].copy_from_slice(&masks.map(u32::to_le_bytes).concat());
    header
}

/// A file with these parts. The offset of the pixels is the sum of the lengths before them.
pub(crate) fn bmp(header: &[u8], table: &[u8], pixels: &[u8]) -> Vec<u8> {
    let offset = u32::try_from(14 + header.len() + table.len()).unwrap();
    [b"BM\0\0\0\0\0\0\0\0", &offset.to_le_bytes()[..], header, table, pixels].concat()
}
