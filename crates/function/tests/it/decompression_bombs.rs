//! Small files and short claims that would cost much memory, through the whole function.

use std::fs::File;
use std::io::{Cursor, Read, Write};

use flate2::write::ZlibEncoder;
use flate2::{Compression, Crc};
use image::{ImageFormat, RgbaImage};
use model::{Outcome, Report};
use serde_json::json;

use crate::deployment::{Deployment, image};

/// What the function and the process that converts may ever have held together: themselves, the SDK and their threads, and
/// what they read.
const SMALL_MIB: u64 = 96;

fn chunk(name: [u8; 4], data: &[u8]) -> Vec<u8> {
    let mut crc = Crc::new();
    crc.update(&name);
    crc.update(data);
    [&u32::try_from(data.len()).unwrap().to_be_bytes()[..], &name, data, &crc.sum().to_be_bytes()].concat()
}

fn deflated_zeros(count: u64) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(vec![], Compression::fast());
    std::io::copy(&mut std::io::repeat(0).take(count), &mut encoder).unwrap();
    encoder.flush().unwrap();
    encoder.finish().unwrap()
}

/// An image of 8-bit RGBA, with few of its rows.
fn png(width: u32, height: u32) -> Vec<u8> {
    let header = [&width.to_be_bytes()[..], &height.to_be_bytes(), &[8, 6, 0, 0, 0]].concat();
    let chunks = [chunk(*b"IHDR", &header), chunk(*b"IDAT", &deflated_zeros(1 << 20)), chunk(*b"IEND", b"")];
    [b"\x89PNG\r\n\x1a\n".to_vec(), chunks.concat()].concat()
}

/// A whole image with a chunk behind its header.
fn png_with(name: [u8; 4], data: &[u8]) -> Vec<u8> {
    let whole = image(ImageFormat::Png, 60, 40);
    [&whole[..33], &chunk(name, data), &whole[33..]].concat()
}

/// A frame of 36 megapixels for a screen of a few.
fn gif() -> Vec<u8> {
    let mut gif = Cursor::new(vec![]);
    RgbaImage::new(6000, 6000).write_to(&mut gif, ImageFormat::Gif).unwrap();
    let mut gif = gif.into_inner();
    gif[6..10].copy_from_slice(&[60, 0, 40, 0]);
    gif
}

fn reason(report: &Report) -> &str {
    match &report.outcome {
        Outcome::Rejected { reason } => reason,
        outcome => panic!("{outcome:?}"),
    }
}

/// The most that the function ever held, as the last line of its log tells.
async fn peak_mib(mut house: Deployment) -> Option<u64> {
    house.lambda.stop().await;
    house.report_lines().last()?["peak_memory_mib"].as_u64()
}

fn assert_small(peak: Option<u64>) {
    if cfg!(target_os = "linux") {
        let peak = peak.unwrap();
        assert!(peak < SMALL_MIB, "{peak} MiB");
    }
}

#[tokio::test]
async fn a_claim_of_many_pixels_is_refused_by_its_figures_and_costs_nothing() {
    let mut house = Deployment::with(&[]).await;
    let screen = b"GIF89a\xff\xff\xff\xff\0\0\0,\0\0\0\0\xff\xff\xff\xff\0\x02\x01\0\0;".to_vec();
    for (key, file, words) in [
        // As many pixels as are allowed: the memory for them is not there.
        ("200.png", png(20_000, 10_000), "20000x10000 needs about"),
        ("201.png", png(20_000, 10_001), "20000x10001 is 200020000 pixels, over the limit of 200000000"),
        ("screen.gif", screen, "65535x65535 is 4294836225 pixels, over the limit of 200000000"),
        ("frame.gif", gif(), "it asks for too much"),
    ] {
        let report = house.report_of(key, &file).await;
        assert!(reason(&report).contains(words), "{key}: {report:?}");
    }
    assert_small(peak_mib(house).await);
}

#[tokio::test]
async fn what_inflates_to_a_gigabyte_beside_the_pixels_costs_neither_them_nor_memory() {
    let zeros = deflated_zeros(1 << 30);
    let mut house = Deployment::with(&[]).await;
    for (key, name, before, noted) in [
        ("profile.png", *b"iCCP", &b"icc\0\0"[..], true),
        ("comment.png", *b"zTXt", b"Comment\0\0", false),
        ("xmp.png", *b"iTXt", b"XML:com.adobe.xmp\0\x01\0\0\0", false),
    ] {
        let report = house.report_of(key, &png_with(name, &[before, &zeros].concat())).await;
        let Outcome::Converted { notes, .. } = &report.outcome else { panic!("{key}: {report:?}") };
        assert_eq!(!notes.is_empty(), noted, "{key}: {notes:?}");
        // The variant, told of as any object is.
        house.deliveries.recv().await.unwrap();
    }
    assert_small(peak_mib(house).await);
}

#[tokio::test]
async fn three_gigabytes_are_refused_unread() {
    const BYTES: u64 = 3 << 30;
    let mut house = Deployment::untold(&[]).await;
    // An object that was put has its tag, and need not be read for it. With nothing behind it the file takes no room, and
    // its size is as good as any.
    house.lay("huge.jpg", b"small").await;
    File::options().write(true).open(house.folder.path().join("photos/huge.jpg")).unwrap().set_len(BYTES).unwrap();
    let answer = house.lambda.invoke(json!({"bucket": "photos", "key": "huge.jpg"})).await.result.unwrap();
    let report: Report = serde_json::from_value(answer).unwrap();
    assert!(reason(&report).contains("3221225472 bytes") && reason(&report).contains("268435456"), "{report:?}");
    assert_small(peak_mib(house).await);
}
