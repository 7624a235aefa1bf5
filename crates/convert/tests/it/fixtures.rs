//! Builds images and source files for tests.

use std::io::Cursor;

use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::PngEncoder;
use image::codecs::tiff::TiffEncoder;
use image::codecs::webp::WebPEncoder;
use image::{DynamicImage, GrayImage, ImageEncoder, ImageFormat, Rgb, RgbImage};
use tiff::tags::Tag;

/// Metadata that a function embeds in a file.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct EmbeddedMetadata<'a> {
    pub(crate) icc: Option<&'a [u8]>,
    pub(crate) exif: Option<&'a [u8]>,
}

/// Returns a gradient in soft colors without symmetry. Every rotation, every mirroring and every swap of channels
/// changes this image.
pub(crate) fn gradient_image(width: u32, height: u32) -> RgbImage {
    let level = |at: u32, of: u32| u8::try_from(20 + at * 200 / of).unwrap();
    RgbImage::from_fn(width, height, |x, y| {
        let corner = if x < width / 3 && y < height / 4 { 30 } else { 0 };
        Rgb([level(x, width), level(y, height), level(x + 2 * y, width + 2 * height) / 2 + corner])
    })
}

/// Encodes an image with the `image` crate, without metadata.
pub(crate) fn encode_image(image: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(vec![]);
    image.write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

/// Encodes an image with metadata. The format must be JPEG, PNG, WebP or TIFF.
pub(crate) fn encode_with_metadata(image: &DynamicImage, format: ImageFormat, extras: EmbeddedMetadata<'_>) -> Vec<u8> {
    let mut bytes = vec![];
    match format {
        ImageFormat::Jpeg => write_image(image, JpegEncoder::new_with_quality(&mut bytes, 98), extras),
        ImageFormat::Png => write_image(image, PngEncoder::new(&mut bytes), extras),
        ImageFormat::WebP => write_image(image, WebPEncoder::new_lossless(&mut bytes), extras),
        ImageFormat::Tiff => {
            let mut file = Cursor::new(vec![]);
            write_image(image, TiffEncoder::new(&mut file), extras);
            return file.into_inner();
        }
        other => unreachable!("no test uses {other:?}"),
    }
    bytes
}

fn write_image(
    image: &DynamicImage,
    mut encoder: impl ImageEncoder,
    EmbeddedMetadata { icc, exif }: EmbeddedMetadata<'_>,
) {
    if let Some(icc) = icc {
        encoder.set_icc_profile(icc.to_vec()).unwrap();
    }
    if let Some(exif) = exif {
        encoder.set_exif_metadata(exif.to_vec()).unwrap();
    }
    image.write_with_encoder(encoder).unwrap();
}

/// Encodes a JPEG whose chroma has half the resolution of its luma, as in the JPEGs of cameras.
pub(crate) fn subsampled_jpeg(
    image: &RgbImage,
    EmbeddedMetadata { icc, exif }: EmbeddedMetadata<'_>,
    progressive: bool,
) -> Vec<u8> {
    let mut bytes = vec![];
    let mut encoder = jpeg_encoder::Encoder::new(&mut bytes, 98);
    encoder.set_sampling_factor(jpeg_encoder::SamplingFactor::F_2_2);
    encoder.set_progressive(progressive);
    if let Some(exif) = exif {
        encoder.add_exif_metadata(exif).unwrap();
    }
    if let Some(icc) = icc {
        encoder.add_icc_profile(icc).unwrap();
    }
    let (width, height) = (u16::try_from(image.width()).unwrap(), u16::try_from(image.height()).unwrap());
    encoder.encode(image.as_raw(), width, height, jpeg_encoder::ColorType::Rgb).unwrap();
    bytes
}

/// Encodes ink levels (255 is full ink) as a CMYK JPEG in the way of Adobe's programs. If `ycck` is true, the JPEG
/// stores YCCK.
pub(crate) fn cmyk_jpeg(inks: &[[u8; 4]], width: u16, height: u16, ycck: bool, icc: Option<&[u8]>) -> Vec<u8> {
    let mut bytes = vec![];
    let mut encoder = jpeg_encoder::Encoder::new(&mut bytes, 98);
    if let Some(icc) = icc {
        encoder.add_icc_profile(icc).unwrap();
    }
    let color = if ycck { jpeg_encoder::ColorType::CmykAsYcck } else { jpeg_encoder::ColorType::Cmyk };
    encoder.encode(inks.as_flattened(), width, height, color).unwrap();
    bytes
}

/// Builds a TIFF from CMYK ink levels (255 is full ink), with a profile and an orientation.
pub(crate) fn cmyk_tiff(inks: &[[u8; 4]], width: u32, height: u32, icc: &[u8], orientation: u16) -> Vec<u8> {
    let mut bytes = Cursor::new(vec![]);
    let mut encoder = tiff::encoder::TiffEncoder::new(&mut bytes).unwrap();
    let mut image = encoder.new_image::<tiff::encoder::colortype::CMYK8>(width, height).unwrap();
    image.encoder().write_tag(Tag::IccProfile, icc).unwrap();
    image.encoder().write_tag(Tag::Orientation, orientation).unwrap();
    image.write_data(inks.as_flattened()).unwrap();
    bytes.into_inner()
}

/// Builds a TIFF whose colors are premultiplied by alpha. `pixels` contains the colors before the multiplication.
pub(crate) fn premultiplied_tiff(pixels: &[[u8; 4]], width: u32, height: u32) -> Vec<u8> {
    let multiplied = pixels.iter().flat_map(|&[r, g, b, a]| {
        let times = |level: u8| u8::try_from((u32::from(level) * u32::from(a) + 127) / 255).unwrap();
        [times(r), times(g), times(b), a]
    });
    let mut bytes = Cursor::new(vec![]);
    let mut encoder = tiff::encoder::TiffEncoder::new(&mut bytes).unwrap();
    let mut image = encoder.new_image::<tiff::encoder::colortype::RGBA8>(width, height).unwrap();
    image.encoder().write_tag(Tag::ExtraSamples, [1_u16].as_slice()).unwrap();
    image.write_data(&multiplied.collect::<Vec<u8>>()).unwrap();
    bytes.into_inner()
}

/// Returns a copy of the PNG with these chunks inserted after its header.
pub(crate) fn with_png_chunks(png: &[u8], chunks: &[(&[u8; 4], &[u8])]) -> Vec<u8> {
    let (header, rest) = png.split_at(33);
    let mut file = header.to_vec();
    for (name, data) in chunks {
        let named = [&name[..], data].concat();
        file.extend(u32::try_from(data.len()).unwrap().to_be_bytes());
        file.extend(&named);
        file.extend(crc(&named).to_be_bytes());
    }
    [&file, rest].concat()
}

/// Returns a copy of the WebP with these chunks at its end.
pub(crate) fn with_webp_chunks(webp: &[u8], chunks: &[(&[u8; 4], &[u8])]) -> Vec<u8> {
    let mut file = webp.to_vec();
    for (name, data) in chunks {
        file.extend([&name[..], &u32::try_from(data.len()).unwrap().to_le_bytes(), data].concat());
        file.resize(file.len().next_multiple_of(2), 0);
    }
    let length = u32::try_from(file.len() - 8).unwrap().to_le_bytes();
    file[4..8].copy_from_slice(&length);
    file
}

/// Returns the data of an `iCCP` chunk with this profile (PNG specification, third edition, 11.3.2.3).
pub(crate) fn iccp_chunk(icc: &[u8]) -> Vec<u8> {
    [b"icc\0\0", &zlib_stored(icc)[..]].concat()
}

/// Returns a zlib stream that contains the data without compression.
pub(crate) fn zlib_stored(data: &[u8]) -> Vec<u8> {
    let (a, b) =
        data.iter().fold((1, 0), |(a, b), byte| ((a + u32::from(*byte)) % 65521, (a + u32::from(*byte) + b) % 65521));
    let length = u16::try_from(data.len()).unwrap();
    [b"\x78\x01\x01", &length.to_le_bytes()[..], &(!length).to_le_bytes(), data, &(b << 16 | a).to_be_bytes()].concat()
}

/// The formats of gain map metadata.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum GainMapFormat {
    /// XMP with Adobe's properties, as in Ultra HDR. The headroom is 2.5 stops.
    AdobeXmp,
    /// The binary format of ISO 21496-1. The headroom is 2.5 stops.
    Iso,
    /// XMP with Apple's properties. The headroom is 2.5 stops.
    AppleXmp,
    /// XMP with Apple's properties but without the headroom. The maker note of the base image contains the headroom,
    /// which is three stops.
    AppleMakerNote,
    /// The second image has no gain map metadata, so it is not a gain map.
    NotAGainMap,
}

/// Returns a copy of the JPEG that contains a gain map as its second image.
pub(crate) fn with_gain_map(base: &[u8], map: &GrayImage, format: GainMapFormat) -> Vec<u8> {
    let xmp = |properties: &str| {
        let packet = format!(
            "http://ns.adobe.com/xap/1.0/\0<x:xmpmeta xmlns:x=\"adobe:ns:meta/\"><rdf:RDF \
             xmlns:rdf=\"http://www.w3.org/1999/02/22-rdf-syntax-ns#\"><rdf:Description {properties}/></rdf:RDF></x:xmpmeta>"
        );
        (0xe1, packet.into_bytes())
    };
    let adobe = "xmlns:hdrgm=\"http://ns.adobe.com/hdr-gain-map/1.0/\" hdrgm:Version=\"1.0\"";
    let apple = "xmlns:HDRGainMap=\"http://ns.apple.com/HDRGainMap/1.0/\" HDRGainMap:HDRGainMapVersion=\"131072\"";
    let (marker, data) = match format {
        GainMapFormat::AdobeXmp => xmp(&format!("{adobe} hdrgm:GainMapMax=\"2.5\" hdrgm:HDRCapacityMax=\"2.5\"")),
        GainMapFormat::Iso => {
            let numbers = [0, 1, 5, 2, 0, 1, 5, 2, 1, 1, 1, 64, 1, 64].map(u32::to_be_bytes).concat();
            (0xe2, [b"urn:iso:std:iso:ts:21496:-1\0\0\0\0\0\x40", &numbers[..]].concat())
        }
        GainMapFormat::AppleXmp => xmp(&format!("{apple} HDRGainMap:HDRGainMapHeadroom=\"5.656854249492381\"")),
        GainMapFormat::AppleMakerNote => xmp(apple),
        GainMapFormat::NotAGainMap => (0xef, vec![]),
    };
    let map = with_jpeg_segment(&encode_image(&map.clone().into(), ImageFormat::Jpeg), marker, &data);
    let with_note;
    let base = if format == GainMapFormat::AppleMakerNote {
        with_note = with_jpeg_segment(base, 0xe1, EXIF_WITH_APPLE_NOTE);
        &with_note
    } else {
        base
    };
    // The index of the images (CIPA DC-007, 5.2) is big-endian. It has three entries, followed by 16 bytes for each of
    // the two images.
    let index = |start: u32| {
        let entry = |tag: u16, kind: u16, count: u32, value: u32| {
            [&tag.to_be_bytes()[..], &kind.to_be_bytes(), &count.to_be_bytes(), &value.to_be_bytes()].concat()
        };
        let (first, second) = (u32::try_from(base.len()).unwrap(), u32::try_from(map.len()).unwrap());
        let images = [0x0300_0000, first, 0, 0, 0, second, start, 0].map(u32::to_be_bytes).concat();
        let entries = [entry(0xb000, 7, 4, 0x3031_3030), entry(0xb001, 4, 1, 2), entry(0xb002, 7, 32, 50)].concat();
        [b"MPF\0MM\0*\0\0\0\x08\0\x03", &entries[..], &[0; 4], &images].concat()
    };
    let length = with_jpeg_segment(base, 0xe2, &index(0)).len();
    // Offsets are relative to the start of the index, which is byte 10 of the file. SOI and the marker, the length and
    // the identifier of the segment precede the index.
    let first = with_jpeg_segment(base, 0xe2, &index(u32::try_from(length - 10).unwrap()));
    [first, map].concat()
}

/// Exif with a main directory that refers to the Exif directory. The Exif directory contains Apple's maker note, in
/// which tag 33 has the ratio 1 and tag 48 has the ratio 0.
const EXIF_WITH_APPLE_NOTE: &[u8] = b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x87\x69\0\x04\0\0\0\x01\0\0\0\x1a\0\0\0\0\
    \0\x01\x92\x7c\0\x07\0\0\0\x3c\0\0\0\x2c\0\0\0\0\
    Apple iOS\0\0\x01MM\0\x02\0\x21\0\x0a\0\0\0\x01\0\0\0\x2c\0\x30\0\x0a\0\0\0\x01\0\0\0\x34\0\0\0\0\
    \0\0\0\x01\0\0\0\x01\0\0\0\0\0\0\0\x01";

/// Returns a copy of the JPEG with this segment inserted at its start.
pub(crate) fn with_jpeg_segment(jpeg: &[u8], marker: u8, data: &[u8]) -> Vec<u8> {
    let length = u16::try_from(data.len() + 2).unwrap().to_be_bytes();
    [&jpeg[..2], &[0xff, marker], &length, data, &jpeg[2..]].concat()
}

/// Computes the checksum of a chunk (PNG specification, third edition, annex D).
fn crc(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| if crc & 1 == 1 { 0xedb8_8320 ^ (crc >> 1) } else { crc >> 1 })
    })
}

/// Builds an Exif block with an orientation and the camera's make. The make is a secret text at the end of the block.
pub(crate) fn exif_with_orientation(orientation: u8) -> Vec<u8> {
    // The block (TIFF 6.0) is little-endian. It has one directory with two entries, followed by the text of the first
    // entry.
    let mut exif = b"II*\0\x08\0\0\0\x02\0".to_vec();
    exif.extend(b"\x0f\x01\x02\0\x10\0\0\0\x26\0\0\0"); // The tag Make: ASCII, 16 bytes at offset 38.
    exif.extend([0x12, 0x01, 3, 0, 1, 0, 0, 0, orientation, 0, 0, 0]); // The tag Orientation: SHORT.
    exif.extend(b"\0\0\0\0SecretGarden 17\0");
    exif
}
