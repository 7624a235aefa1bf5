//! Tests small files that declare very large images, or that contain metadata that decompresses to a very large size.

use std::fs::File;
use std::io::{Read, Write};

use flate2::write::ZlibEncoder;
use flate2::{Compression, Crc};
use image::ImageFormat;
use model::{Outcome, Report};
use serde_json::json;

use crate::deployment::{Deployment, image};

/// The limit for the peak memory of the function and its worker process together. This memory includes the binaries,
/// the SDK, the threads and the files that both processes read.
const MAX_PEAK_MIB: u64 = 96;

/// Returns a PNG chunk.
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

/// Returns an 8-bit RGBA PNG that declares this size but contains only a few rows.
fn truncated_png(width: u32, height: u32) -> Vec<u8> {
    let header = [&width.to_be_bytes()[..], &height.to_be_bytes(), &[8, 6, 0, 0, 0]].concat();
    let chunks = [chunk(*b"IHDR", &header), chunk(*b"IDAT", &deflated_zeros(1 << 20)), chunk(*b"IEND", b"")];
    [b"\x89PNG\r\n\x1a\n".to_vec(), chunks.concat()].concat()
}

/// Returns a complete PNG with an additional chunk after its header.
fn png_with_chunk(name: [u8; 4], data: &[u8]) -> Vec<u8> {
    let png = image(ImageFormat::Png, 60, 40);
    [&png[..33], &chunk(name, data), &png[33..]].concat()
}

fn rejection_reason(report: &Report) -> &str {
    match &report.outcome {
        Outcome::Rejected { reason } => reason,
        outcome => panic!("{outcome:?}"),
    }
}

/// Stops the function. Returns the peak memory from the last report line in the log.
async fn stop_and_read_peak(mut deployment: Deployment) -> Option<u64> {
    deployment.lambda.stop().await;
    deployment.take_report_lines().last()?["peak_memory_mib"].as_u64()
}

fn assert_low_peak(peak: Option<u64>) {
    if cfg!(target_os = "linux") {
        let peak = peak.unwrap();
        assert!(peak < MAX_PEAK_MIB, "{peak} MiB");
    }
}

#[tokio::test]
async fn header_with_too_many_pixels_is_rejected_without_allocating_memory() {
    let mut deployment = Deployment::with_events(&[]).await;
    let screen = b"GIF89a\xff\xff\xff\xff\0\0\0,\0\0\0\0\xff\xff\xff\xff\0\x02\x01\0\0;".to_vec();
    // The logical screen has 60x40 pixels. The image is as large as its first frame.
    let frame = b"GIF89a\x3c\0\x28\0\0\0\0,\0\0\0\0\x20\x4e\x11\x27\0\x02\x01\0\0;".to_vec();
    for (key, file, words) in [
        // The pixel limit allows this image, but the function has too little memory to convert the image.
        ("200.png", truncated_png(20_000, 10_000), "20000x10000 needs about"),
        ("201.png", truncated_png(20_000, 10_001), "20000x10001 is 200020000 pixels, over the limit of 200000000"),
        ("screen.gif", screen, "65535x65535 is 4294836225 pixels, over the limit of 200000000"),
        ("frame.gif", frame, "20000x10001 is 200020000 pixels, over the limit of 200000000"),
    ] {
        let report = deployment.put_and_get_report(key, &file).await;
        assert!(rejection_reason(&report).contains(words), "{key}: {report:?}");
    }
    assert_low_peak(stop_and_read_peak(deployment).await);
}

#[tokio::test]
async fn metadata_that_inflates_to_a_gigabyte_is_omitted_without_allocating_memory() {
    let zeros = deflated_zeros(1 << 30);
    let mut deployment = Deployment::with_events(&[]).await;
    for (key, name, prefix, has_note) in [
        ("profile.png", *b"iCCP", &b"icc\0\0"[..], true),
        ("comment.png", *b"zTXt", b"Comment\0\0", false),
        ("xmp.png", *b"iTXt", b"XML:com.adobe.xmp\0\x01\0\0\0", false),
    ] {
        let report = deployment.put_and_get_report(key, &png_with_chunk(name, &[prefix, &zeros].concat())).await;
        let Outcome::Converted { notes, .. } = &report.outcome else { panic!("{key}: {report:?}") };
        assert_eq!(!notes.is_empty(), has_note, "{key}: {notes:?}");
        // Remove the event of the variant from the channel.
        deployment.invocations.recv().await.unwrap();
    }
    assert_low_peak(stop_and_read_peak(deployment).await);
}

#[tokio::test]
async fn file_of_three_gigabytes_is_rejected_without_a_download() {
    const BYTES: u64 = 3 << 30;
    let mut deployment = Deployment::without_events(&[]).await;
    // The server stored the ETag of the small object, so it does not need to read the enlarged file. The enlarged file
    // is sparse, so it needs almost no disk space.
    deployment.put_source("huge.jpg", b"small").await;
    File::options().write(true).open(deployment.folder.path().join("photos/huge.jpg")).unwrap().set_len(BYTES).unwrap();
    let response = deployment.lambda.invoke(json!({"bucket": "photos", "key": "huge.jpg"})).await.result.unwrap();
    let report: Report = serde_json::from_value(response).unwrap();
    let reason = rejection_reason(&report);
    assert!(reason.contains("3221225472 bytes") && reason.contains("268435456"), "{report:?}");
    assert_low_peak(stop_and_read_peak(deployment).await);
}
