//! Decodes any bytes as a JPEG, in every output. The first byte of the input selects the options, and the rest of the
//! input is the file.

#![no_main]

use jpeg::ColorSpace::{Cmyk, Gray, Rgb, YCbCr, Ycck};
use jpeg::{Damage, Decoded, Decoder, Error, Intact, Options, Output, Samples};
use libfuzzer_sys::fuzz_target;

/// The limit of an iteration, which takes only milliseconds.
const MAX_PIXELS: u64 = 1 << 14;
const COLOR_SPACES: [Option<jpeg::ColorSpace>; 6] = [None, Some(Gray), Some(Rgb), Some(YCbCr), Some(Cmyk), Some(Ycck)];
/// This bit of the first byte selects separate tables, which end with the first EOI marker.
const HAS_TABLES: u8 = 0x80;

fuzz_target!(|input: &[u8]| {
    let Some((&selector, file)) = input.split_first() else { return };
    let color_space = COLOR_SPACES[usize::from(selector & !HAS_TABLES) % COLOR_SPACES.len()];
    let tables_end = file.windows(2).position(|pair| pair == b"\xff\xd9").map(|at| at + 2);
    let (tables, file) = match tables_end.filter(|_| selector & HAS_TABLES != 0) {
        Some(end) => (Some(&file[..end]), &file[end..]),
        None => (None, file),
    };
    let options = Options { max_scans: 8, color_space, tables };
    for output in [Output::Pixels, Output::Planes, Output::HalfPixels] {
        decode(file, options, output);
    }
});

fn decode(file: &[u8], options: Options<'_>, output: Output) {
    let decoder = match Decoder::open(file, options) {
        Ok(decoder) => decoder,
        Err(error) => return check_error(&error),
    };
    let header = *decoder.header();
    let pixels = u64::from(header.width) * u64::from(header.height);
    if pixels > MAX_PIXELS {
        return;
    }
    // For each pixel of a narrow image, the decoder processes a block of up to 32 by 32 samples.
    assert!(header.working_bytes < (1 << 20) + pixels * 4 * (64 + 2 * 32 * 32), "{header:?}");
    let decoded = match decoder.decode(output) {
        Ok(decoded) => decoded,
        Err(error) => return check_error(&error),
    };
    check_length(&decoded, header.color_space.components());
    match &decoded.damage {
        Some(Damage { message, intact }) => {
            assert!(is_line(message));
            assert_eq!(matches!(intact, Intact::Scans(_)), header.has_several_scans);
        }
        // The last byte selects where the file is truncated. A truncated file with several scans can be complete
        // before a scan that changes the image again. Bytes FF FF 00 in a scan are invalid, and libjpeg-turbo reads them
        // in two ways: near the end of a file, and elsewhere.
        None if !header.has_several_scans && !file.windows(2).any(|pair| pair == b"\xff\xff") => {
            let end = file.len() * usize::from(file.last().copied().unwrap_or(0)) / 256;
            let truncated = Decoder::open(&file[..end], options).and_then(|decoder| decoder.decode(output));
            if let Ok(Decoded { samples, damage: None, .. }) = truncated {
                assert!(samples == decoded.samples, "a file of {end} bytes is incomplete");
            }
        }
        None => {}
    }
}

fn check_length(decoded: &Decoded, channels: u32) {
    let (width, height) = (decoded.width as usize, decoded.height as usize);
    let half = width.div_ceil(2) * height.div_ceil(2);
    match &decoded.samples {
        Samples::Planes(planes) => {
            assert_eq!(planes.each_ref().map(Vec::len), [width * height, half, half]);
        }
        Samples::Pixels(pixels) => assert_eq!(pixels.len(), width * height * channels as usize),
    }
}

fn check_error(error: &Error) {
    let line = error.to_string();
    assert!(is_line(&line), "{line:?}");
    // The decoder always makes progress, and never needs more memory than the header says.
    assert!(line != "libjpeg returned no rows" && line != "Memory limit exceeded");
}

fn is_line(text: &str) -> bool {
    !text.is_empty() && text.len() < 200 && !text.contains(char::is_control)
}
