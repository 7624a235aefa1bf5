//! Builds JPEGs, and changes their segments.

use jpeg::{Decoded, Decoder, Error, Options, Output, Samples};
use jpeg_encoder::{ColorType, Encoder, SamplingFactor};
use turbojpeg::{Compressor, Decompressor, Image, PixelFormat, ScalingFactor, Subsamp};

pub(crate) const SOF0: u8 = 0xc0;
pub(crate) const DHT: u8 = 0xc4;
pub(crate) const EOI: u8 = 0xd9;
pub(crate) const SOS: u8 = 0xda;
pub(crate) const DQT: u8 = 0xdb;
pub(crate) const APP0: u8 = 0xe0;
pub(crate) const APP14: u8 = 0xee;

pub(crate) const OPTIONS: Options<'static> = Options { max_scans: 64, color_space: None, tables: None };

pub(crate) fn decode(jpeg: &[u8], output: Output) -> Result<Decoded, Error> {
    Decoder::open(jpeg, OPTIONS)?.decode(output)
}

/// Decodes all pixels of a complete file.
pub(crate) fn pixels(jpeg: &[u8]) -> Vec<u8> {
    let decoded = decode(jpeg, Output::Pixels).unwrap();
    assert_eq!(decoded.damage, None);
    bytes(decoded)
}

pub(crate) fn bytes(decoded: Decoded) -> Vec<u8> {
    match decoded.samples {
        Samples::Pixels(pixels) => pixels,
        Samples::Planes(planes) => planes.concat(),
    }
}

/// Returns samples that differ everywhere: a wave with noise.
pub(crate) fn texture((width, height): (usize, usize), channels: usize) -> Vec<u8> {
    let sample = |at: usize| {
        let (x, y, channel) = (at / channels % width, at / channels / width, at % channels);
        let wave = (x * 3 + y * 2 + channel * 70) % 200;
        let noise = at.wrapping_mul(2_654_435_761) >> 27 & 31;
        u8::try_from(wave).unwrap() + u8::try_from(noise).unwrap()
    };
    (0..width * height * channels).map(sample).collect()
}

/// Encodes a texture with libjpeg-turbo.
pub(crate) fn turbo_jpeg(
    size: (usize, usize),
    format: PixelFormat,
    subsampling: Subsamp,
    configure: impl FnOnce(&mut Compressor) -> turbojpeg::Result<()>,
) -> Vec<u8> {
    let pixels = texture(size, format.size());
    let mut compressor = Compressor::new().unwrap();
    compressor.set_quality(85).unwrap();
    compressor.set_subsamp(subsampling).unwrap();
    configure(&mut compressor).unwrap();
    let pitch = size.0 * format.size();
    compressor.compress_to_vec(Image { pixels: &pixels, width: size.0, pitch, height: size.1, format }).unwrap()
}

/// Encodes pixels with the crate jpeg-encoder.
pub(crate) fn encoder_jpeg(
    (width, height): (usize, usize),
    color: ColorType,
    pixels: &[u8],
    configure: impl FnOnce(&mut Encoder<&mut Vec<u8>>),
) -> Vec<u8> {
    let mut bytes = vec![];
    let mut encoder = Encoder::new(&mut bytes, 85);
    configure(&mut encoder);
    encoder.encode(pixels, u16::try_from(width).unwrap(), u16::try_from(height).unwrap(), color).unwrap();
    bytes
}

/// Encodes a texture in 4:2:0 with the crate jpeg-encoder.
pub(crate) fn photo_jpeg(size: (usize, usize), configure: impl FnOnce(&mut Encoder<&mut Vec<u8>>)) -> Vec<u8> {
    encoder_jpeg(size, ColorType::Rgb, &texture(size, 3), |encoder| {
        encoder.set_sampling_factor(SamplingFactor::F_2_2);
        configure(encoder);
    })
}

/// Decodes pixels with the TurboJPEG API.
pub(crate) fn turbo_pixels(jpeg: &[u8], is_half: bool, format: PixelFormat) -> Vec<u8> {
    let mut decompressor = Decompressor::new().unwrap();
    let mut header = decompressor.read_header(jpeg).unwrap();
    if is_half {
        decompressor.set_scaling_factor(ScalingFactor::ONE_HALF).unwrap();
        header = header.scaled(ScalingFactor::ONE_HALF);
    }
    let pitch = header.width * format.size();
    let mut pixels = vec![0; pitch * header.height];
    let image = Image { pixels: &mut *pixels, width: header.width, pitch, height: header.height, format };
    decompressor.decompress(jpeg, image).unwrap();
    pixels
}

/// A part of a JPEG: a marker with its segment, and the bytes before the next marker that is not RST.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Part {
    pub(crate) marker: u8,
    /// The marker, the length and the data of the segment.
    pub(crate) segment: Vec<u8>,
    /// The entropy-coded data after an SOS segment.
    pub(crate) data: Vec<u8>,
}

/// Splits a JPEG into its parts.
pub(crate) fn parts(jpeg: &[u8]) -> Vec<Part> {
    let mut parts = vec![];
    let mut at = 0;
    while at < jpeg.len() {
        assert_eq!(jpeg[at], 0xff);
        let marker = jpeg[at + 1];
        let length = match marker {
            0xd8 | EOI => 2,
            _ => 2 + usize::from(u16::from_be_bytes([jpeg[at + 2], jpeg[at + 3]])),
        };
        let data_at = at + length;
        let is_next = |pair: &[u8]| pair[0] == 0xff && !matches!(pair[1], 0 | 0xd0..=0xd7);
        let data = jpeg[data_at..].windows(2).position(is_next).unwrap_or(jpeg.len() - data_at);
        parts.push(Part { marker, segment: jpeg[at..data_at].to_vec(), data: jpeg[data_at..data_at + data].to_vec() });
        at = data_at + data;
    }
    parts
}

pub(crate) fn join(parts: &[Part]) -> Vec<u8> {
    parts.iter().flat_map(|part| [part.segment.as_slice(), &part.data].concat()).collect()
}

/// Creates a part from a marker and the data of its segment.
pub(crate) fn segment(marker: u8, data: &[u8]) -> Part {
    let length = u16::try_from(data.len() + 2).unwrap().to_be_bytes();
    Part { marker, segment: [&[0xff, marker], &length[..], data].concat(), data: vec![] }
}

/// Creates Adobe's marker.
pub(crate) fn adobe(transform: u8) -> Part {
    segment(APP14, &[b"Adobe\0\x64\0\0\0\0".as_slice(), &[transform]].concat())
}

/// Returns the file with other markers after its start: without its APP segments, and with these.
pub(crate) fn with_markers(jpeg: &[u8], markers: &[Part]) -> Vec<u8> {
    let mut parts = parts(jpeg);
    parts.retain(|part| !(APP0..=0xef).contains(&part.marker));
    parts.splice(1..1, markers.iter().cloned());
    join(&parts)
}

/// Finds the positions of the parts with this marker.
pub(crate) fn positions(parts: &[Part], marker: u8) -> Vec<usize> {
    (0..parts.len()).filter(|at| parts[*at].marker == marker).collect()
}

/// Splits a JPEG into a file with its tables and a file without tables.
pub(crate) fn split_tables(jpeg: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let parts = parts(jpeg);
    let is_table = |marker| matches!(marker, DHT | DQT);
    let tables: Vec<_> =
        parts.iter().filter(|part| is_table(part.marker) || matches!(part.marker, 0xd8 | EOI)).cloned().collect();
    let image: Vec<_> = parts.into_iter().filter(|part| !is_table(part.marker)).collect();
    (join(&tables), join(&image))
}
