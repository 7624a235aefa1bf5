//! Tests files that the decoder rejects, and the limits.

use jpeg::{Decoder, Error, Options, Output};
use jpeg_encoder::ColorType;

use super::fixtures::{OPTIONS, SOF0, SOS, decode, encoder_jpeg, join, parts, photo_jpeg, positions, segment, texture};

fn open_error(jpeg: &[u8]) -> Error {
    Decoder::open(jpeg, OPTIONS).map(|_| ()).unwrap_err()
}

/// Returns a baseline JPEG with another byte in its frame header. Offsets start at the marker (ITU-T T.81, B.2.2).
fn with_frame_byte(offset: usize, value: u8) -> Vec<u8> {
    let mut parts = parts(&photo_jpeg((33, 17), |_| {}));
    let frame = positions(&parts, SOF0)[0];
    parts[frame].segment[offset] = value;
    join(&parts)
}

#[test]
fn header_that_is_truncated_anywhere_is_rejected() {
    let jpeg = photo_jpeg((33, 17), |_| {});
    let parts = parts(&jpeg);
    let scan = positions(&parts, SOS)[0];
    let header = join(&parts[..scan]).len() + parts[scan].segment.len();
    for end in 0..header {
        let error = open_error(&jpeg[..end]);
        assert!(matches!(&error, Error::Invalid(text) if text == "Premature end of JPEG file"), "{end}: {error}");
    }
    assert!(Decoder::open(&jpeg[..header], OPTIONS).is_ok());
}

#[test]
fn unsupported_features_are_named() {
    assert!(matches!(open_error(&with_frame_byte(4, 12)), Error::UnsupportedPrecision(12)));
    let other_precision = open_error(&with_frame_byte(4, 16));
    assert!(matches!(other_precision, Error::Unsupported(text) if text == "Unsupported JPEG data precision 16"));
    // The height 0 means that a DNL segment after the scan defines the height.
    let mut without_height = with_frame_byte(5, 0);
    let frame = join(&parts(&without_height)[..positions(&parts(&without_height), SOF0)[0]]).len();
    without_height[frame + 6] = 0;
    let error = open_error(&without_height);
    assert!(matches!(error, Error::Unsupported(text) if text == "Empty JPEG image (DNL not supported)"));
    let mut hierarchical = parts(&photo_jpeg((33, 17), |_| {}));
    let frame = positions(&hierarchical, SOF0)[0];
    hierarchical[frame].segment[1] = 0xc5;
    let error = open_error(&join(&hierarchical));
    assert!(matches!(error, Error::Unsupported(text) if text == "Unsupported JPEG process: SOF type 0xc5"));
}

#[test]
fn two_and_five_components_are_rejected() {
    let mut two = parts(&photo_jpeg((33, 17), |_| {}));
    let (frame, scan) = (positions(&two, SOF0)[0], positions(&two, SOS)[0]);
    two[frame] = segment(SOF0, &[8, 0, 17, 0, 33, 2, 1, 0x11, 0, 2, 0x11, 0]);
    two[scan].segment = segment(SOS, &[2, 1, 0, 2, 0, 0, 63, 0]).segment;
    assert!(matches!(open_error(&join(&two)), Error::UnsupportedComponents(2)));
    two[frame] = segment(SOF0, &[8, 0, 17, 0, 33, 5, 1, 0x11, 0, 2, 0x11, 0, 3, 0x11, 0, 4, 0x11, 0, 5, 0x11, 0]);
    assert!(matches!(open_error(&join(&two)), Error::UnsupportedComponents(5)));
}

#[test]
fn other_bytes_are_rejected() {
    for bytes in [b"".as_slice(), b"\xff", b"\xff\xd8", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xd9"] {
        assert!(matches!(open_error(bytes), Error::Invalid(_)));
    }
    assert_eq!(open_error(b"GIF89a").to_string(), "Not a JPEG file: starts with 0x47 0x49");
}

#[test]
fn scans_are_limited() {
    let jpeg = photo_jpeg((33, 17), |encoder| encoder.set_progressive(true));
    let scans = u32::try_from(positions(&parts(&jpeg), SOS).len()).unwrap();
    let decode = |max_scans| Decoder::open(&jpeg, Options { max_scans, ..OPTIONS }).unwrap().decode(Output::Pixels);
    assert_eq!(decode(scans).unwrap().damage, None);
    let error = decode(scans - 1).unwrap_err();
    assert_eq!(error.to_string(), format!("it has over {} scans, which is the limit", scans - 1));
}

#[test]
fn planes_are_available_for_chroma_of_half_size_only() {
    let size = (33, 17);
    let jpeg = encoder_jpeg(size, ColorType::Luma, &texture(size, 1), |_| {});
    assert!(matches!(decode(&jpeg, Output::Planes), Err(Error::NoPlanes)));
}

#[test]
fn working_memory_contains_the_coefficients_of_files_with_several_scans() {
    let bytes = |is_progressive| {
        let jpeg = photo_jpeg((640, 480), |encoder| encoder.set_progressive(is_progressive));
        Decoder::open(&jpeg, OPTIONS).unwrap().header().working_bytes
    };
    // Two bytes for each sample of luma, Cb and Cr, and a pointer for each row of blocks.
    let pointers = size_of::<usize>() as u64 * (60 + 30 + 30);
    assert_eq!(bytes(true) - bytes(false), 2 * 640 * 480 * 3 / 2 + pointers);
}
