//! Tests that the samples of all kinds of JPEGs equal those of the TurboJPEG API.

use jpeg::{ColorSpace, Decoder, Output, Sampling};
use jpeg_encoder::{ColorType, SamplingFactor};
use turbojpeg::{Colorspace, Compressor, Decompressor, PixelFormat, Subsamp, YuvImage};

use super::fixtures::{OPTIONS, bytes, decode, encoder_jpeg, photo_jpeg, pixels, texture, turbo_jpeg, turbo_pixels};

const SIZES: [(usize, usize); 7] = [(1, 1), (7, 5), (16, 16), (33, 17), (48, 50), (95, 64), (130, 67)];

type Configure = fn(&mut Compressor) -> turbojpeg::Result<()>;

const PROCESSES: [Configure; 4] = [
    |_| Ok(()),
    |compressor| compressor.set_progressive(true),
    |compressor| compressor.set_arithmetic(true),
    |compressor| compressor.set_arithmetic(true).and_then(|()| compressor.set_progressive(true)),
];

fn assert_pixels_equal_turbo(jpeg: &[u8], format: PixelFormat) {
    for (output, is_half) in [(Output::Pixels, false), (Output::HalfPixels, true)] {
        let decoded = decode(jpeg, output).unwrap();
        assert_eq!(decoded.damage, None);
        assert!(bytes(decoded) == turbo_pixels(jpeg, is_half, format), "{output:?}");
    }
}

#[test]
fn pixels_of_every_process_and_sampling_equal_the_turbojpeg_api() {
    let samplings = [Subsamp::None, Subsamp::Sub2x1, Subsamp::Sub2x2, Subsamp::Sub1x2, Subsamp::Sub4x1, Subsamp::Gray];
    for size in SIZES {
        for subsampling in samplings {
            for process in PROCESSES {
                let jpeg = turbo_jpeg(size, PixelFormat::RGB, subsampling, process);
                let format = if subsampling == Subsamp::Gray { PixelFormat::GRAY } else { PixelFormat::RGB };
                assert_pixels_equal_turbo(&jpeg, format);
            }
        }
    }
}

#[test]
fn planes_equal_the_turbojpeg_api() {
    for size @ (width, height) in SIZES {
        for process in PROCESSES {
            let jpeg = turbo_jpeg(size, PixelFormat::RGB, Subsamp::Sub2x2, process);
            let mut yuv = YuvImage { pixels: vec![], width, height, align: 1, subsamp: Subsamp::Sub2x2 };
            // The TurboJPEG API pads luma to an even number of columns and rows.
            let ((padded_width, padded_height), chroma) = (yuv.y_size(), width.div_ceil(2) * height.div_ceil(2));
            yuv.pixels = vec![0; padded_width * padded_height + 2 * chroma];
            Decompressor::new().unwrap().decompress_to_yuv(&jpeg, yuv.as_deref_mut()).unwrap();
            let (luma, chroma) = yuv.pixels.split_at(padded_width * padded_height);
            let luma = luma.chunks(padded_width).take(height).flat_map(|row| &row[..width]);
            let expected: Vec<u8> = luma.chain(chroma).copied().collect();
            let decoded = decode(&jpeg, Output::Planes).unwrap();
            assert_eq!((decoded.width as usize, decoded.height as usize), size);
            assert!(bytes(decoded) == expected, "{size:?}");
        }
    }
}

#[test]
fn restart_markers_are_decoded() {
    for size in SIZES {
        for sampling in [SamplingFactor::F_1_1, SamplingFactor::F_2_1, SamplingFactor::F_2_2, SamplingFactor::F_4_1] {
            for is_progressive in [false, true] {
                let jpeg = encoder_jpeg(size, ColorType::Rgb, &texture(size, 3), |encoder| {
                    encoder.set_sampling_factor(sampling);
                    encoder.set_restart_interval(3);
                    encoder.set_progressive(is_progressive);
                });
                assert_pixels_equal_turbo(&jpeg, PixelFormat::RGB);
            }
        }
    }
}

#[test]
fn scans_of_single_components_are_decoded() {
    // jpeg-encoder writes too many blocks in these scans for other sizes.
    let size = (64, 32);
    for sampling in [SamplingFactor::F_1_1, SamplingFactor::F_2_1, SamplingFactor::F_2_2, SamplingFactor::F_4_2] {
        for (color, format) in [(ColorType::Rgb, PixelFormat::RGB), (ColorType::Ycck, PixelFormat::CMYK)] {
            // jpeg-encoder always writes these scans for 4:1:0. With optimized tables, it writes wrong restarts.
            let has_optimized_tables = sampling != SamplingFactor::F_4_2;
            let jpeg = encoder_jpeg(size, color, &texture(size, format.size()), |encoder| {
                encoder.set_sampling_factor(sampling);
                encoder.set_optimized_huffman_tables(has_optimized_tables);
                encoder.set_restart_interval(if has_optimized_tables { 0 } else { 3 });
            });
            assert_pixels_equal_turbo(&jpeg, format);
        }
    }
}

#[test]
fn four_components_equal_the_turbojpeg_api() {
    for size in SIZES {
        for color in [Colorspace::CMYK, Colorspace::YCCK] {
            for subsampling in [Subsamp::None, Subsamp::Sub2x1, Subsamp::Sub2x2] {
                for process in PROCESSES {
                    let jpeg = turbo_jpeg(size, PixelFormat::CMYK, subsampling, |compressor| {
                        compressor.set_colorspace(color)?;
                        process(compressor)
                    });
                    assert_pixels_equal_turbo(&jpeg, PixelFormat::CMYK);
                }
            }
        }
    }
}

#[test]
fn lossless_jpeg_returns_the_exact_pixels() {
    let size = (33, 17);
    let jpeg = turbo_jpeg(size, PixelFormat::RGB, Subsamp::None, |compressor| compressor.set_lossless(true));
    let header = *Decoder::open(&jpeg, OPTIONS).unwrap().header();
    assert!(header.is_lossless && !header.has_planes());
    assert_eq!(header.color_space, ColorSpace::Rgb);
    assert_eq!(pixels(&jpeg), texture(size, 3));
    let half = decode(&jpeg, Output::HalfPixels).unwrap();
    assert_eq!((half.width, half.height), (33, 17));
    assert_eq!(bytes(half), texture(size, 3));

    let gray = turbo_jpeg(size, PixelFormat::GRAY, Subsamp::Gray, |compressor| compressor.set_lossless(true));
    assert_eq!(pixels(&gray), texture(size, 1));
}

#[test]
fn header_describes_the_file() {
    let header = |jpeg: &[u8]| *Decoder::open(jpeg, OPTIONS).unwrap().header();
    let progressive = header(&photo_jpeg((33, 17), |encoder| encoder.set_progressive(true)));
    assert_eq!((progressive.width, progressive.height), (33, 17));
    assert_eq!((progressive.color_space, progressive.sampling), (ColorSpace::YCbCr, Sampling::Yuv420));
    assert!(progressive.is_progressive && progressive.has_several_scans && progressive.has_planes());
    let baseline = header(&photo_jpeg((33, 17), |_| {}));
    assert!(!baseline.is_progressive && !baseline.has_several_scans && !baseline.is_lossless);
    let single_scans = header(&photo_jpeg((33, 17), |encoder| encoder.set_optimized_huffman_tables(true)));
    assert!(!single_scans.is_progressive && single_scans.has_several_scans);
    let sampling = |subsampling| header(&turbo_jpeg((9, 9), PixelFormat::RGB, subsampling, |_| Ok(()))).sampling;
    assert_eq!(sampling(Subsamp::None), Sampling::Yuv444);
    assert_eq!(sampling(Subsamp::Sub2x1), Sampling::Yuv422);
    assert_eq!(sampling(Subsamp::Sub1x2), Sampling::Other);
    assert_eq!(sampling(Subsamp::Gray), Sampling::Gray);
}
