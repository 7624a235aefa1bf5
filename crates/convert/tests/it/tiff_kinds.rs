//! Encodes pixels in every compression of TIFF, and builds small TIFFs of every kind.

use image::{Rgb, RgbImage};
use weezl::BitOrder;

use crate::tiff_fixtures::{
    COLOR_MAP, COMPRESSION, EXTRA_SAMPLES, JPEG_TABLES, PLANAR_CONFIGURATION, PREDICTOR, SAMPLE_FORMAT, T4_OPTIONS,
    Tiff, Values, YCBCR_SUBSAMPLING,
};

pub(crate) const WHITE_IS_ZERO: u16 = 0;
pub(crate) const BLACK_IS_ZERO: u16 = 1;
pub(crate) const RGB: u16 = 2;
pub(crate) const PALETTE: u16 = 3;
pub(crate) const CMYK: u16 = 5;
pub(crate) const YCBCR: u16 = 6;
pub(crate) const CIE_LAB: u16 = 8;
pub(crate) const ICC_LAB: u16 = 9;

/// Small files of every kind of compression and color space.
pub(crate) fn kinds() -> Vec<Vec<u8>> {
    let colors = |photometric, samples: usize| row(4, photometric, &vec![8; samples], &vec![90; 4 * samples]);
    let mut tiffs: Vec<Tiff> = compressed().into_iter().map(|(_, tiff, strip)| tiff.strips(vec![strip])).collect();
    tiffs.extend(faxes().into_iter().chain(jpeg_tiffs()).chain(repeated_rows()).map(|(_, tiff)| tiff));
    tiffs.extend([
        colors(0, 2).bigtiff(true),
        colors(2, 4).short(EXTRA_SAMPLES, &[1]).big_endian(true),
        colors(3, 1).short(COLOR_MAP, &[7; 768]),
        colors(5, 4),
        colors(6, 3).short(YCBCR_SUBSAMPLING, &[2, 1]),
        colors(8, 3).bigtiff(true).big_endian(true),
        row(4, 2, &[16; 3], &deflate(&[7; 24])).short(COMPRESSION, &[8]).short(PREDICTOR, &[2]),
        row(4, 1, &[32], &deflate(&[7; 16])).short(COMPRESSION, &[8]).short(PREDICTOR, &[3]).short(SAMPLE_FORMAT, &[3]),
        Tiff::new((6, 6), 2, &[4; 3]).short(PLANAR_CONFIGURATION, &[2]).tiles((4, 4), vec![vec![0x5a; 8]; 12]),
    ]);
    tiffs.iter().map(Tiff::build).collect()
}

/// A row of pixels in one strip.
pub(crate) fn row(width: u32, photometric: u16, bits: &[u16], strip: &[u8]) -> Tiff {
    Tiff::new((width, 1), photometric, bits).strips(vec![strip.to_vec()])
}

/// Strips of 16 rows of 16 random gray pixels, and the number of bits and the tags of each compression.
pub(crate) fn compressed() -> Vec<(&'static str, Tiff, Vec<u8>)> {
    let noise: Vec<u8> = (0..256_u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 13).to_le_bytes()[0]).collect();
    let packed = noise.iter().flat_map(|byte| [0, *byte]).collect();
    let tiff = |compression: u16| Tiff::new((16, 16), BLACK_IS_ZERO, &[8]).short(COMPRESSION, &[compression]);
    vec![
        ("PackBits", tiff(32_773), packed),
        ("LZW", tiff(5), lzw(&noise, false)),
        ("old LZW", tiff(5), lzw(&noise, true)),
        ("Deflate", tiff(8), deflate(&noise)),
        ("JPEG", tiff(7), jpeg(&noise, (16, 16), 1, false)),
    ]
}

/// A gradient that no rotation and no exchange of channels leaves unchanged.
pub(crate) fn gradient() -> RgbImage {
    let level = |value: u32| u8::try_from(value).unwrap();
    RgbImage::from_fn(20, 12, |x, y| Rgb([level(x * 12), level(20 + y * 19), level(255 - x * 6 - y * 5)]))
}

pub(crate) fn colors(image: &RgbImage) -> Vec<[u8; 3]> {
    image.pixels().map(|pixel| pixel.0).collect()
}

/// Cuts the image into tiles of this size. Tiles beyond the image repeat its last pixels.
pub(crate) fn cut(image: &RgbImage, (width, height): (u32, u32)) -> Vec<RgbImage> {
    let (right, bottom) = (image.width() - 1, image.height() - 1);
    let corners =
        (0..=bottom).step_by(height as usize).flat_map(|y| (0..=right).step_by(width as usize).map(move |x| (x, y)));
    let tile = |(left, top): (u32, u32)| {
        RgbImage::from_fn(width, height, |x, y| *image.get_pixel((left + x).min(right), (top + y).min(bottom)))
    };
    corners.map(tile).collect()
}

/// Encodes samples of 8 bits as rows of all channels, or as one plane for each channel.
pub(crate) fn planes(images: &[RgbImage], is_planar: bool) -> Vec<Vec<u8>> {
    if !is_planar {
        return images.iter().map(|image| image.as_raw().clone()).collect();
    }
    let plane = |image: &RgbImage, channel: usize| image.pixels().map(|pixel| pixel.0[channel]).collect();
    (0..3).flat_map(|channel| images.iter().map(move |image| plane(image, channel))).collect()
}

/// Compresses with Deflate and the header of RFC 1950.
pub(crate) fn deflate(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::ZlibEncoder::new(vec![], flate2::Compression::best());
    std::io::Write::write_all(&mut encoder, bytes).unwrap();
    encoder.finish().unwrap()
}

/// Compresses with LZW, as in TIFF 6.0 or as in older drafts.
pub(crate) fn lzw(bytes: &[u8], is_old: bool) -> Vec<u8> {
    let mut encoder = if is_old {
        weezl::encode::Encoder::new(BitOrder::Lsb, 8)
    } else {
        weezl::encode::Encoder::with_tiff_size_switch(BitOrder::Msb, 8)
    };
    encoder.encode(bytes).unwrap()
}

/// Encodes every byte as a literal run of one byte.
pub(crate) fn literal_packbits(bytes: &[u8]) -> Vec<u8> {
    bytes.iter().flat_map(|byte| [0, *byte]).collect()
}

/// 16x8 gray levels, of which each row is 0, 16, 32 to 240, as `zstd -19` compressed them.
const ZSTD: &[u8] = &[
    0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x68, 0xbd, 0x00, 0x00, 0x80, 0x00, 0x10, 0x20, 0x30, 0x40, 0x50, 0x60, 0x70, 0x80,
    0x90, 0xa0, 0xb0, 0xc0, 0xd0, 0xe0, 0xf0, 0x01, 0x00, 0xda, 0xa4, 0x73, 0x09,
];

/// The same levels as libtiff 4.7 compressed them with LZMA.
const LZMA: &[u8] = &[
    0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00, 0x00, 0x00, 0xff, 0x12, 0xd9, 0x41, 0x02, 0x01, 0x03, 0x01, 0x00, 0x21, 0x01,
    0x16, 0x79, 0x20, 0xc4, 0xee, 0xe0, 0x00, 0x7f, 0x00, 0x07, 0x5d, 0x00, 0x00, 0x04, 0xc0, 0xea, 0xe9, 0x40, 0x00,
    0x00, 0x00, 0x00, 0x01, 0x1b, 0x80, 0x01, 0x00, 0x00, 0x00, 0x72, 0xf1, 0x1e, 0xa3, 0xa8, 0x00, 0x0a, 0xfc, 0x02,
    0x00, 0x00, 0x00, 0x00, 0x00, 0x59, 0x5a,
];

/// TIFFs of 16x8 gray pixels, of which each row is 0, 16, 32 to 240, in compressions without an encoder in Rust.
pub(crate) fn repeated_rows() -> Vec<(&'static str, Tiff)> {
    let tiff = |compression: u16, strip: &[u8]| {
        Tiff::new((16, 8), BLACK_IS_ZERO, &[8]).strips(vec![strip.to_vec()]).short(COMPRESSION, &[compression])
    };
    vec![("Zstandard", tiff(50_000, ZSTD)), ("LZMA", tiff(34_925, LZMA))]
}

/// The rows of a fax of 16x8 pixels, from the highest bit on. Set bits are black.
pub(crate) const FAX: [u16; 8] = [0x0000, 0xffff, 0x8001, 0x0ff0, 0xaaaa, 0x00ff, 0x7ffe, 0x1234];

/// [`FAX`] in the encodings of libtiff 4.7: the values of the tags `Compression` and `T4Options`, and the strip. 0 is
/// black, so libtiff encoded black pixels as white runs.
pub(crate) const FAX_STRIPS: [(&str, u16, u32, &[u8]); 5] = [
    (
        "modified Huffman",
        2,
        0,
        &[
            0x35, 0x05, 0xc0, 0xa8, 0x1c, 0x1c, 0x70, 0x35, 0x73, 0x60, 0x1d, 0x0e, 0x87, 0x43, 0xa1, 0xd0, 0xe8, 0x74,
            0x3a, 0x35, 0x16, 0x60, 0x35, 0x5a, 0x20, 0x35, 0x87, 0xc7, 0x9d, 0x0f, 0x80,
        ],
    ),
    (
        "T.4",
        3,
        0,
        &[
            0x00, 0x13, 0x50, 0x5c, 0x00, 0x6a, 0x00, 0x11, 0xc1, 0xc7, 0x00, 0x13, 0x57, 0x36, 0x00, 0x23, 0xa1, 0xd0,
            0xe8, 0x74, 0x3a, 0x1d, 0x0e, 0x87, 0x40, 0x02, 0x6a, 0x2c, 0xc0, 0x04, 0xd5, 0x68, 0x80, 0x04, 0xd6, 0x1f,
            0x1e, 0x74, 0x3e,
        ],
    ),
    (
        "T.4, two-dimensional",
        3,
        1,
        &[
            0x00, 0x19, 0xa8, 0x2e, 0x00, 0x23, 0x50, 0x6e, 0x00, 0x31, 0xc1, 0xc7, 0x00, 0x12, 0x2e, 0x6c, 0x00, 0x63,
            0xa1, 0xd0, 0xe8, 0x74, 0x3a, 0x1d, 0x0e, 0x87, 0x40, 0x02, 0x42, 0x23, 0x11, 0x16, 0x00, 0x33, 0x55, 0xa2,
            0x00, 0x14, 0x32, 0x3e, 0x47, 0x81, 0x02, 0x50,
        ],
    ),
    (
        "T.4 with fill bits",
        3,
        4,
        &[
            0x00, 0x01, 0x35, 0x05, 0xc0, 0x01, 0xa8, 0x00, 0x01, 0x1c, 0x1c, 0x70, 0x01, 0x35, 0x73, 0x60, 0x01, 0x1d,
            0x0e, 0x87, 0x43, 0xa1, 0xd0, 0xe8, 0x74, 0x3a, 0x00, 0x01, 0x35, 0x16, 0x60, 0x01, 0x35, 0x5a, 0x20, 0x01,
            0x35, 0x87, 0xc7, 0x9d, 0x0f, 0x80,
        ],
    ),
    (
        "T.6",
        4,
        0,
        &[
            0x26, 0xa0, 0xb9, 0xa8, 0x37, 0x23, 0x83, 0xd1, 0x73, 0x6c, 0x22, 0x3a, 0x23, 0xa2, 0x3a, 0x04, 0x50, 0xe5,
            0x0e, 0x12, 0xa1, 0x11, 0x88, 0x8b, 0x95, 0xa6, 0x19, 0x1f, 0x23, 0xc0, 0x81, 0x28, 0x00, 0x80, 0x08,
        ],
    ),
];

/// A fax in one of the encodings of [`FAX_STRIPS`].
pub(crate) fn faxes() -> Vec<(&'static str, Tiff)> {
    let fax = |(what, compression, options, strip): (_, _, _, &[u8])| {
        let tiff = Tiff::new((16, 8), BLACK_IS_ZERO, &[1]).strips(vec![strip.to_vec()]);
        (what, tiff.short(COMPRESSION, &[compression]).long(T4_OPTIONS, &[options]))
    };
    FAX_STRIPS.into_iter().map(fax).collect()
}

/// Encodes samples as a JPEG that stores them unchanged or, if `is_ycbcr` is true, as luma and chroma.
pub(crate) fn jpeg(samples: &[u8], (width, height): (u16, u16), channels: usize, is_ycbcr: bool) -> Vec<u8> {
    use jpeg_encoder::ColorType::{Cmyk, Luma, Rgb, Ycbcr};
    let mut bytes = vec![];
    // The encoder inverts the samples of CMYK.
    let inverted: Vec<u8> = samples.iter().map(|sample| 255 - sample).collect();
    let (samples, color) = match channels {
        1 => (samples, Luma),
        4 => (&inverted[..], Cmyk),
        _ => (samples, if is_ycbcr { Rgb } else { Ycbcr }),
    };
    jpeg_encoder::Encoder::new(&mut bytes, 100).encode(samples, width, height, color).unwrap();
    bytes
}

/// Separates the tables of a JPEG from the rest. Both parts are streams of their own (TIFF Technical Note 2).
pub(crate) fn split_tables(jpeg: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let (mut tables, mut rest, mut at) = (vec![0xff, 0xd8], vec![0xff, 0xd8], 2);
    while jpeg[at + 1] != 0xda {
        let end = at + 2 + usize::from(u16::from_be_bytes([jpeg[at + 2], jpeg[at + 3]]));
        let is_table = matches!(jpeg[at + 1], 0xdb | 0xc4);
        if is_table { &mut tables } else { &mut rest }.extend(&jpeg[at..end]);
        at = end;
    }
    tables.extend([0xff, 0xd9]);
    rest.extend(&jpeg[at..]);
    (tables, rest)
}

/// TIFFs with the same colors as JPEGs of every kind.
pub(crate) fn jpeg_tiffs() -> Vec<(&'static str, Tiff)> {
    let raw = gradient().into_raw();
    let tiff = |photometric: u16, strips: Vec<Vec<u8>>| {
        Tiff::new((20, 12), photometric, &[8; 3]).short(COMPRESSION, &[7]).strips(strips)
    };
    let (tables, rest) = split_tables(&jpeg(&raw, (20, 12), 3, true));
    let tiles = cut(&gradient(), (16, 8));
    let tiles = tiles.iter().map(|tile| jpeg(tile.as_raw(), (16, 8), 3, true)).collect();
    let planes = planes(&[gradient()], true).iter().map(|plane| jpeg(plane, (20, 12), 1, false)).collect();
    let tile = Tiff::new((20, 12), YCBCR, &[8; 3]).short(COMPRESSION, &[7]);
    vec![
        ("luma and chroma", tiff(YCBCR, vec![jpeg(&raw, (20, 12), 3, true)])),
        ("shared tables", tiff(YCBCR, vec![rest]).tag(JPEG_TABLES, Values::Bytes(tables))),
        ("RGB", tiff(RGB, vec![jpeg(&raw, (20, 12), 3, false)])),
        ("tiles", tile.tiles((16, 8), tiles)),
        ("planes", tiff(RGB, planes).short(PLANAR_CONFIGURATION, &[2])),
    ]
}
