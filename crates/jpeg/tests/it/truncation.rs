//! Tests that a truncated file is complete only if its pixels equal those of the whole file. Files end at every byte.

use jpeg::{Decoder, Intact, Output};
use jpeg_encoder::{ColorType, SamplingFactor};
use turbojpeg::{PixelFormat, Subsamp};

use super::fixtures::{
    OPTIONS, SOS, bytes, decode, encoder_jpeg, join, parts, photo_jpeg, positions, texture, turbo_jpeg,
};

const SIZE: (usize, usize) = (45, 37);
/// jpeg-encoder writes too many blocks in scans of single components, unless both sides are multiples of an MCU.
const SINGLE_SCANS_SIZE: (usize, usize) = (64, 32);

/// Decodes the file with every length. Returns the lengths of the files that are complete.
fn complete_lengths(jpeg: &[u8], output: Output) -> Vec<usize> {
    let whole = decode(jpeg, output).unwrap();
    assert_eq!(whole.damage, None);
    let whole = bytes(whole);
    let parts = parts(jpeg);
    let scan = positions(&parts, SOS)[0];
    let header = join(&parts[..scan]).len() + parts[scan].segment.len();
    let mut last = 0;
    let is_complete = |end: &usize| match decode(&jpeg[..*end], output) {
        Ok(decoded) => {
            assert!(*end >= header);
            let (height, damage) = (decoded.height as usize, decoded.damage.clone());
            let actual = bytes(decoded);
            let Some(damage) = damage else {
                assert!(actual == whole, "a file of {end} bytes is incomplete");
                return true;
            };
            match damage.intact {
                Intact::Rows(rows) => {
                    assert!(rows >= last && rows < 64, "{rows} rows of {end} bytes");
                    last = rows;
                    if output == Output::Pixels {
                        // Interpolated chroma of the last row depends on the next row.
                        let intact = actual.len() / height * (rows.max(1) - 1) as usize;
                        assert!(actual[..intact] == whole[..intact], "{rows} rows of {end} bytes");
                    }
                }
                Intact::Scans(scans) => {
                    assert!(scans >= last, "{scans} scans of {end} bytes");
                    last = scans;
                }
            }
            false
        }
        Err(error) => {
            assert!(*end < header, "{end}: {error}");
            false
        }
    };
    (0..=jpeg.len()).filter(is_complete).collect()
}

/// Asserts that the file is damaged unless it contains all data of its last scan.
#[track_caller]
fn assert_needs_all_data(jpeg: &[u8]) {
    let lengths = complete_lengths(jpeg, Output::Pixels);
    let data_end = jpeg.len() - 2;
    assert!(lengths[0] >= data_end, "{lengths:?} of {data_end}");
    assert_eq!(lengths.len(), jpeg.len() + 1 - lengths[0], "a longer file is not less complete");
}

#[test]
fn baseline() {
    let jpeg = photo_jpeg(SIZE, |_| {});
    assert_needs_all_data(&jpeg);
    assert_eq!(complete_lengths(&jpeg, Output::Planes), [jpeg.len() - 2, jpeg.len() - 1, jpeg.len()]);
    assert_eq!(complete_lengths(&jpeg, Output::HalfPixels).len(), 3);
    let gray = encoder_jpeg(SIZE, ColorType::Luma, &texture(SIZE, 1), |_| {});
    assert_needs_all_data(&gray);
    let inks = encoder_jpeg(SIZE, ColorType::CmykAsYcck, &texture(SIZE, 4), |_| {});
    assert_needs_all_data(&inks);
}

#[test]
fn restart_markers() {
    for interval in [1, 2, 3] {
        assert_needs_all_data(&photo_jpeg(SIZE, |encoder| encoder.set_restart_interval(interval)));
    }
}

#[test]
fn single_scans() {
    let jpeg = |sampling, has_optimized_tables, restart_interval| {
        encoder_jpeg(SINGLE_SCANS_SIZE, ColorType::Rgb, &texture(SINGLE_SCANS_SIZE, 3), |encoder| {
            encoder.set_sampling_factor(sampling);
            encoder.set_optimized_huffman_tables(has_optimized_tables);
            encoder.set_restart_interval(restart_interval);
        })
    };
    assert_needs_all_data(&jpeg(SamplingFactor::F_2_2, true, 0));
    // jpeg-encoder always writes scans of single components for 4:1:0.
    assert_needs_all_data(&jpeg(SamplingFactor::F_4_2, false, 2));
}

#[test]
fn progressive() {
    let jpeg = photo_jpeg(SIZE, |encoder| encoder.set_progressive(true));
    assert_needs_all_data(&jpeg);
    assert_eq!(complete_lengths(&jpeg, Output::Planes).len(), 3);
    assert_needs_all_data(&turbo_jpeg(SIZE, PixelFormat::RGB, Subsamp::Sub2x2, |compressor| {
        compressor.set_progressive(true)
    }));
}

#[test]
fn arithmetic() {
    for is_progressive in [false, true] {
        let jpeg = turbo_jpeg(SIZE, PixelFormat::RGB, Subsamp::Sub2x2, |compressor| {
            compressor.set_arithmetic(true)?;
            compressor.set_progressive(is_progressive)
        });
        assert_needs_all_data(&jpeg);
    }
}

#[test]
fn lossless() {
    let jpeg = turbo_jpeg(SIZE, PixelFormat::RGB, Subsamp::None, |compressor| compressor.set_lossless(true));
    assert_needs_all_data(&jpeg);
}

#[test]
fn intact_part_is_reported() {
    let intact = |jpeg: &[u8]| {
        let decoded = Decoder::open(jpeg, OPTIONS).unwrap().decode(Output::HalfPixels).unwrap();
        decoded.damage.unwrap().intact
    };
    // Each row of MCUs has 16 rows.
    let baseline = photo_jpeg((64, 160), |_| {});
    let header = baseline.len() - parts(&baseline).iter().map(|part| part.data.len()).sum::<usize>() - 2;
    assert_eq!(intact(&baseline[..header]), Intact::Rows(0));
    assert_eq!(intact(&baseline[..baseline.len() - 10]), Intact::Rows(144));
    let progressive = parts(&photo_jpeg((64, 160), |encoder| encoder.set_progressive(true)));
    let scans = positions(&progressive, SOS);
    assert_eq!(intact(&join(&progressive[..scans[3]])), Intact::Scans(3));
    let in_scan = join(&progressive[..=scans[3]]);
    assert_eq!(intact(&in_scan[..in_scan.len() - 10]), Intact::Scans(3));
}
