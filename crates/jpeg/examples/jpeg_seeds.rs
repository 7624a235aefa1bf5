//! Writes the seed files of the fuzz target `jpeg`: `seeds FOLDER`. The first byte of a seed selects the options, as in
//! `fuzz/fuzz_targets/jpeg.rs`.

#![expect(clippy::unwrap_used, reason = "a developer tool, which may panic")]

use std::path::Path;
use std::{env, fs};

use jpeg_encoder::{ColorType, SamplingFactor};
use turbojpeg::{Colorspace, PixelFormat, Subsamp};

#[path = "../tests/it/fixtures.rs"]
#[allow(dead_code, reason = "only the tests use the other functions of this module")]
mod fixtures;

use fixtures::{adobe, encoder_jpeg, photo_jpeg, split_tables, texture, turbo_jpeg, with_markers};

/// Larger than an MCU, and odd.
const SIZE: (usize, usize) = (33, 17);
const HAS_TABLES: u8 = 0x80;

fn main() {
    let folder = env::args().nth(1).expect("usage: seeds FOLDER");
    let folder = Path::new(&folder);
    fs::create_dir_all(folder).unwrap();
    for (number, seed) in seeds().iter().enumerate() {
        fs::write(folder.join(format!("seed-{number:02}")), seed).unwrap();
    }
}

fn seeds() -> Vec<Vec<u8>> {
    let mut files = vec![
        photo_jpeg(SIZE, |_| {}),
        photo_jpeg(SIZE, |encoder| encoder.set_progressive(true)),
        photo_jpeg(SIZE, |encoder| encoder.set_restart_interval(1)),
        photo_jpeg((48, 32), |encoder| encoder.set_optimized_huffman_tables(true)),
        encoder_jpeg((64, 32), ColorType::Rgb, &texture((64, 32), 3), |encoder| {
            encoder.set_sampling_factor(SamplingFactor::F_4_2);
            encoder.set_restart_interval(2);
        }),
        encoder_jpeg(SIZE, ColorType::Luma, &texture(SIZE, 1), |_| {}),
        encoder_jpeg(SIZE, ColorType::Cmyk, &texture(SIZE, 4), |_| {}),
        encoder_jpeg(SIZE, ColorType::CmykAsYcck, &texture(SIZE, 4), |encoder| encoder.set_progressive(true)),
        with_markers(&photo_jpeg(SIZE, |_| {}), &[adobe(0)]),
    ];
    for (is_arithmetic, is_progressive) in [(false, true), (true, false), (true, true)] {
        for subsampling in [Subsamp::None, Subsamp::Sub2x1, Subsamp::Sub2x2, Subsamp::Sub1x2, Subsamp::Gray] {
            files.push(turbo_jpeg(SIZE, PixelFormat::RGB, subsampling, |compressor| {
                compressor.set_arithmetic(is_arithmetic)?;
                compressor.set_progressive(is_progressive)
            }));
        }
    }
    for (format, subsampling) in [(PixelFormat::RGB, Subsamp::None), (PixelFormat::GRAY, Subsamp::Gray)] {
        files.push(turbo_jpeg(SIZE, format, subsampling, |compressor| compressor.set_lossless(true)));
    }
    files.push(turbo_jpeg(SIZE, PixelFormat::CMYK, Subsamp::Sub2x2, |compressor| {
        compressor.set_colorspace(Colorspace::YCCK)
    }));
    let (tables, image) = split_tables(&files[0]);
    let with_tables = [&[HAS_TABLES], &tables[..], &image].concat();
    let mut seeds: Vec<_> = files.into_iter().map(|file| [&[0], &file[..]].concat()).collect();
    seeds.push(with_tables);
    seeds
}
