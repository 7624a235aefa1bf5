//! Tests that TIFFs of unsupported kinds and damaged TIFFs are rejected, in limited time and memory.

use convert::{Error, OpenedImage};
use model::Limits;
use proptest::prelude::*;

use crate::avif_tools::{convert_file, recipe};
use crate::tiff::decode;
use crate::tiff_fixtures::{
    COLOR_MAP, COMPRESSION, EXTRA_SAMPLES, FILL_ORDER, JPEG_TABLES, PHOTOMETRIC, PLANAR_CONFIGURATION, PREDICTOR,
    ROWS_PER_STRIP, SAMPLE_FORMAT, STRIP_BYTE_COUNTS, STRIP_OFFSETS, Tiff, Values, YCBCR_COEFFICIENTS,
    YCBCR_SUBSAMPLING,
};
use crate::tiff_kinds::{compressed, deflate, faxes, jpeg, kinds, repeated_rows, row};

fn open(tiff: &Tiff, limits: &Limits) -> Result<(), Error> {
    OpenedImage::open(&tiff.build(), &recipe(), limits).map(|_| ())
}

/// Checks that the file is rejected before its pixels are decoded, because its kind is not supported.
fn assert_unsupported(tiff: &Tiff, expected: &str) {
    match open(tiff, &Limits::default()) {
        Err(Error::Unsupported { message, .. }) => assert_eq!(message, expected),
        other => unreachable!("{expected}: {other:?}"),
    }
}

fn assert_damaged(tiff: &Tiff, expected: &str) {
    match convert_file(&tiff.build(), &recipe()) {
        Err(Error::Damaged { message, .. }) => assert_eq!(message, expected),
        Err(error) => unreachable!("{expected}: {error:?}"),
        Ok(_) => unreachable!("{expected}: the file was converted"),
    }
}

/// A gray pixel of 8 bits.
fn gray() -> Tiff {
    row(1, 1, &[8], &[100])
}

/// An RGB pixel of 8 bits.
fn rgb() -> Tiff {
    row(1, 2, &[8; 3], &[1, 2, 3])
}

#[test]
fn unsupported_compression_is_named() {
    for (number, name) in [
        (6, "old-style JPEG"),
        (34_661, "JBIG"),
        (34_712, "JPEG 2000"),
        (34_887, "LERC"),
        (50_001, "WebP"),
        (50_002, "JPEG XL"),
        (777, "unknown"),
    ] {
        let expected = format!("its compression is {name} (Compression {number})");
        assert_unsupported(&gray().short(COMPRESSION, &[number]), &expected);
    }
    let fax = "its pixels have more than one bit, but are compressed as a fax";
    assert_unsupported(&gray().short(COMPRESSION, &[4]), fax);
    let deep = row(1, 1, &[16], &[0, 1]).short(COMPRESSION, &[7]);
    assert_unsupported(&deep, "its samples have 16 bits (BitsPerSample), but are compressed as JPEG");
    let two = row(1, 1, &[8; 2], &[0, 1]).short(COMPRESSION, &[7]);
    assert_unsupported(&two, "its pixels have 2 samples, but are compressed as JPEG");
}

#[test]
fn unsupported_color_space_is_named() {
    for (number, name) in [
        (4, "a transparency mask"),
        (10, "ITU Lab"),
        (32_803, "those of a color filter array"),
        (32_844, "LogL"),
        (34_892, "linear raw colors"),
        (777, "colors in an unknown color space"),
    ] {
        let expected = format!("its samples are {name} (PhotometricInterpretation {number})");
        assert_unsupported(&gray().short(PHOTOMETRIC, &[number]), &expected);
    }
    assert_unsupported(&gray().without(PHOTOMETRIC), "it has no PhotometricInterpretation");
    let two = "its pixels have 2 samples (SamplesPerPixel) instead of 3";
    assert_unsupported(&row(1, 2, &[8; 2], &[1, 2]), two);
    let inks = |tag, values: &[u16]| row(1, 5, &[8; 4], &[0; 4]).short(tag, values);
    assert_unsupported(&inks(332, &[2]), "its inks are not CMYK (InkSet 2)");
    let range = "its inks have a range other than 0 to 255 (DotRange 10, 200)";
    assert_unsupported(&inks(336, &[10, 200]), range);
    let with_alpha = row(1, 5, &[8; 5], &[0; 5]).short(EXTRA_SAMPLES, &[2]);
    assert_unsupported(&with_alpha, "its inks have alpha (ExtraSamples)");
    assert_unsupported(&row(1, 6, &[16; 3], &[0; 6]), "its luma and chroma have samples of 16 bits");
    let mixed = "its chroma is subsampled (YCbCrSubSampling 2, 2) and is planar, has a predictor or has alpha";
    assert_unsupported(&row(1, 6, &[8; 3], &[0; 6]).short(PLANAR_CONFIGURATION, &[2]), mixed);
    let palette = row(1, 3, &[8], &[0]).short(COMPRESSION, &[7]);
    assert_unsupported(&palette, "its palette indexes are compressed as JPEG");
}

#[test]
fn unsupported_samples_are_named() {
    assert_unsupported(
        &row(1, 1, &[12], &[0; 2]).short(SAMPLE_FORMAT, &[2]),
        "its samples have 12 bits (BitsPerSample)",
    );
    assert_unsupported(
        &row(1, 5, &[8; 4], &[0; 4]).short(SAMPLE_FORMAT, &[2; 4]),
        "its inks have samples of 8 bits of signed integers",
    );
    assert!(open(&gray().short(32_996, &[0]), &Limits::default()).is_ok(), "the older tag DataType without a type");
    assert_unsupported(&gray().short(SAMPLE_FORMAT, &[6]), "its samples are not real numbers (SampleFormat 6)");
    assert_unsupported(
        &rgb().short(SAMPLE_FORMAT, &[1, 1, 3]),
        "its samples have different types (SampleFormat 1, 1, 3)",
    );
    assert_unsupported(&rgb().short(258, &[5, 6, 5]), "its samples have different sizes (BitsPerSample 5, 6, 5)");
    assert!(open(&rgb().short(258, &[8, 8, 8, 1]), &Limits::default()).is_ok(), "more values than samples");
    assert_unsupported(&row(1, 1, &[20], &[0; 3]), "its samples have 20 bits (BitsPerSample)");
    assert_unsupported(&row(1, 1, &[8; 100], &[0; 100]), "its pixels have 100 samples of 8 bits (SamplesPerPixel)");
    assert_unsupported(&rgb().short(FILL_ORDER, &[3]), "its bits have an unknown order (FillOrder 3)");
    let order = "its samples have an unknown order (PlanarConfiguration 3)";
    assert_unsupported(&rgb().short(PLANAR_CONFIGURATION, &[3]), order);
    let extra = row(1, 2, &[8; 4], &[0; 4]).short(EXTRA_SAMPLES, &[7]);
    assert_unsupported(&extra, "its extra samples have an unknown meaning (ExtraSamples 7)");
    let predictor = row(1, 1, &[4], &[0]).short(COMPRESSION, &[5]).short(PREDICTOR, &[2]);
    assert_unsupported(&predictor, "its samples of 4 bits are stored as differences (Predictor 2)");
    assert_unsupported(&rgb().short(346, &[1]), "it has the unsupported tag Indexed with the value 1");
    assert_unsupported(&rgb().long(32_997, &[5]), "it has the unsupported tag ImageDepth with the value 5");
}

#[test]
fn truncated_strips_are_rejected() {
    let short = "a strip or tile contains fewer pixels than its size";
    for rows in [1, 2] {
        let tiff = row(4, 1, &[8], &[1, 2, 3, 4, 5, 6, 7]).long(257, &[2]).long(ROWS_PER_STRIP, &[rows]);
        let tiff = if rows == 1 { tiff.strips(vec![vec![1, 2, 3, 4], vec![5, 6, 7]]) } else { tiff };
        assert_damaged(&tiff, short);
    }
    for (what, tiff, strip) in compressed() {
        assert!(convert_file(&tiff.clone().strips(vec![strip.clone()]).build(), &recipe()).is_ok(), "{what}");
        for length in 0..strip.len() * 3 / 4 {
            let error = convert_file(&tiff.clone().strips(vec![strip[..length].to_vec()]).build(), &recipe());
            assert!(matches!(error, Err(Error::Damaged { .. })), "{what}, {length} bytes: {:?}", error.err());
        }
    }
    for (what, tiff) in repeated_rows() {
        // The last 28 bytes of LZMA are an index.
        let file = tiff.build();
        let error = convert_file(&file[..file.len() - 29], &recipe());
        assert!(matches!(error, Err(Error::Damaged { .. })), "{what}: {:?}", error.err());
    }
    for (what, tiff) in faxes() {
        let file = tiff.build();
        for length in file.len() - 20..file.len() - 4 {
            let error = convert_file(&file[..length], &recipe());
            assert!(matches!(error, Err(Error::Damaged { .. })), "{what}, {length} bytes: {:?}", error.err());
        }
    }
}

#[test]
fn missing_and_impossible_tags_are_damage() {
    assert_damaged(&gray().without(256), "it has no ImageWidth");
    assert_damaged(&gray().long(257, &[0]), "1x0 has no pixels");
    assert_damaged(&gray().short(COMPRESSION, &[1, 5]), "its Compression has 2 values instead of one");
    assert_damaged(&gray().without(STRIP_OFFSETS), "it has no value 0 of StripOffsets");
    assert_damaged(&gray().long(257, &[3]).long(ROWS_PER_STRIP, &[1]), "it has no value 1 of StripOffsets");
    assert_damaged(&gray().long(ROWS_PER_STRIP, &[0]), "its strips have no rows");
    assert_damaged(&gray().long(322, &[0]).long(323, &[16]), "it has no TileWidth");
    let palette = row(1, 3, &[8], &[0]);
    assert_damaged(&palette, "its palette has no ColorMap");
    assert_damaged(&palette.short(COLOR_MAP, &[0; 12]), "its ColorMap has 12 values instead of 768");
    let ycbcr = row(1, 6, &[8; 3], &[0; 3]).short(YCBCR_SUBSAMPLING, &[1, 1]);
    let subsampling = "its YCbCrSubSampling is 3, 1 instead of two of 1, 2, 4";
    assert_damaged(&ycbcr.clone().short(YCBCR_SUBSAMPLING, &[3, 1]), subsampling);
    let coefficients = Values::Rational(vec![(1, 0), (1, 2), (1, 2)]);
    let fractions = "its Unknown(529) is not a list of 3 fractions";
    assert_damaged(&ycbcr.tag(YCBCR_COEFFICIENTS, coefficients), fractions);
    let jpeg = gray().short(COMPRESSION, &[7]);
    assert_damaged(&jpeg.clone().tag(JPEG_TABLES, Values::Bytes(vec![])), "its JPEGTables cannot be read");
    assert_damaged(&jpeg, "JPEG: Premature end of JPEG file");
}

#[test]
fn jpeg_of_another_size_or_kind_is_rejected() {
    let tiff = |width, height, samples: usize| {
        let photometric = if samples == 1 { 1 } else { 2 };
        Tiff::new((width, height), photometric, &vec![8; samples]).short(COMPRESSION, &[7])
    };
    let strip = jpeg(&[9; 64], (8, 8), 1, false);
    for (width, height) in [(7, 8), (9, 8), (8, 9), (8, 7)] {
        let expected = format!("a JPEG has 8x8 pixels instead of {width}x{height}");
        assert_damaged(&tiff(width, height, 1).strips(vec![strip.clone()]), &expected);
    }
    assert_damaged(&tiff(8, 8, 3).strips(vec![strip]), "JPEG: the image has 1 components, but its color space needs 3");
}

#[test]
fn tiles_much_larger_than_the_image_are_rejected() {
    let tile = |width, height| rgb().tiles((width, height), vec![vec![0; 3]]);
    assert_damaged(&tile(70_000, 1024), "its tiles of 70000x1024 are much larger than the image");
    assert_damaged(&tile(u32::MAX, u32::MAX), "its tiles of 4294967295x4294967295 are much larger than the image");
    // A tile of JPEG is decoded completely, so its size counts in the estimate of memory.
    let limits = Limits { memory: 256 << 20, ..Limits::default() };
    let tile = |side| rgb().tiles((side, side), vec![vec![0; 3]]).short(COMPRESSION, &[7]);
    assert!(open(&tile(1024), &limits).is_ok());
    assert!(matches!(open(&tile(8000), &limits), Err(Error::TooMuchMemory { .. })));
}

#[test]
fn too_many_small_tiles_are_rejected() {
    let tiles = |side: u32| Tiff::new((side, side), 1, &[8]).tiles((1, 1), vec![vec![9]; (side * side) as usize]);
    assert!(open(&tiles(256), &Limits::default()).is_ok());
    assert_damaged(&tiles(300), "its 90000 strips or tiles are too small");
}

#[test]
fn strips_decompress_only_the_pixels_of_the_image() {
    // The start of a stream of 64 MiB. A decoder that decompresses the whole stream finds no end.
    let zeros = deflate(&vec![0; 64 << 20]);
    let tiff = Tiff::new((2, 2), 1, &[8]).strips(vec![zeros[..64].to_vec()]).short(COMPRESSION, &[8]);
    assert_eq!(decode(&tiff.build()).to_luma8().into_raw(), [0; 4]);
}

#[test]
fn overlapping_strips_are_not_copied_without_limit() {
    // Every strip extends to the end of the file, which is larger than the limit on copies.
    let strips: Vec<Vec<u8>> = (0..2000).map(|_| vec![0x2a; 1]).collect();
    let tail = vec![0; 1 << 20];
    let tiff = Tiff::new((1, 2001), 1, &[8]).long(ROWS_PER_STRIP, &[1]).strips([strips, vec![tail]].concat());
    let tiff = tiff.long(STRIP_BYTE_COUNTS, &[u32::MAX; 2001]).short(FILL_ORDER, &[2]);
    assert!(convert_file(&tiff.build(), &recipe()).is_ok(), "strips that are not compressed are not copied");
    assert_damaged(&tiff.short(COMPRESSION, &[32_773]), "its strips or tiles overlap");
}

#[test]
fn malformed_bigtiff_directory_is_rejected() {
    let mut file = rgb().bigtiff(true).build();
    // The second entry gets an unknown type.
    file[24 + 20 + 2] = 99;
    let error = convert_file(&file, &recipe()).unwrap_err().to_string();
    assert_eq!(error, "TIFF of an unsupported kind: its directory has an entry of the unknown type 99");
    // The directory declares 2^56 entries, or is outside of the file.
    for (at, byte) in [(23, 1), (15, 1)] {
        let mut file = rgb().bigtiff(true).build();
        file[at] = byte;
        assert!(matches!(convert_file(&file, &recipe()), Err(Error::Damaged { .. })), "byte {at}");
    }
}

#[test]
fn every_truncated_tiff_is_decoded_or_rejected() {
    for file in kinds() {
        for end in 0..file.len() {
            // A panic fails the test.
            let _ = OpenedImage::open(&file[..end], &recipe(), &Limits::default()).and_then(OpenedImage::decode);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn changed_bytes_of_a_tiff_do_not_cause_a_panic(
        which in any::<prop::sample::Index>(),
        places in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let files = kinds();
        let mut file = which.get(&files).clone();
        for (place, byte) in places {
            let at = place.index(file.len());
            file[at] = byte;
        }
        let limits = Limits { pixels: 1 << 16, ..Limits::default() };
        if let Err(error) = OpenedImage::open(&file, &recipe(), &limits).and_then(OpenedImage::decode) {
            let text = error.to_string();
            prop_assert!(!text.contains(['\n', '\r']) && text.len() < 400, "{error:?}");
        }
    }
}
