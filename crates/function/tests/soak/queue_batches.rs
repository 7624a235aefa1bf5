//! Converts images from a queue in batches in one execution environment. Each message must have an outcome, and the
//! memory must not grow.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Cursor;

use emulator::{Lambda, S3, SECRET_KEY, Settings};
use image::{ImageFormat, Rgb, RgbImage};
use serde_json::{Value, json};
use tokio::sync::mpsc::unbounded_channel;

use crate::bootstrap::function;
use crate::read_variable;

const MESSAGES_PER_BATCH: usize = 10;
/// The minimum number of images with which the test compares the peak memory at the end with the peak memory after a
/// tenth of the images.
const MIN_IMAGES_TO_COMPARE: usize = 500;

/// Returns a colorful image whose width depends on the number.
fn encode_jpeg(number: usize) -> Vec<u8> {
    let (width, height) = (400 + u32::try_from(number * 37 % 400).unwrap(), 400);
    let byte = |number: u32| u8::try_from(number % 256).unwrap();
    let image = RgbImage::from_fn(width, height, |x, y| Rgb([byte(x / 2), byte(y / 2), byte(x * y / 97)]));
    let mut bytes = Cursor::new(vec![]);
    image.write_to(&mut bytes, ImageFormat::Jpeg).unwrap();
    bytes.into_inner()
}

fn sqs_message(id: &str, body: &str) -> Value {
    json!({ "messageId": id, "body": body, "attributes": {}, "eventSource": "aws:sqs" })
}

#[tokio::test(flavor = "multi_thread")]
async fn every_message_of_a_queue_has_an_outcome() {
    let images = read_variable("SOAK_IMAGES").unwrap_or(100);
    let folder = tempfile::tempdir().unwrap();
    let server_settings = Settings {
        address: ([127, 0, 0, 1], 0).into(),
        folder: folder.path().into(),
        secret: SECRET_KEY.into(),
        buckets: vec!["photos".into()],
    };
    let (server, mut events) = S3::start(server_settings).await.unwrap();
    let client = server.client(SECRET_KEY);
    let mut environment: BTreeMap<_, _> = server.environment();
    // Use a fast speed, because the test checks only outcomes and memory.
    environment.insert("AVIF_SPEED".into(), "9".into());
    let (lines, mut log) = unbounded_channel();
    let lambda = Lambda::new(function(environment), lines);

    let (mut failed, mut malformed, mut peaks) = (BTreeSet::new(), BTreeSet::new(), vec![]);
    let mut outcomes: BTreeMap<String, String> = BTreeMap::new();
    let numbers: Vec<usize> = (0..images).collect();
    for batch in numbers.chunks(MESSAGES_PER_BATCH) {
        let mut messages = vec![];
        for number in batch {
            let id = format!("message-{number}");
            let key = format!("写真 {number}.jpg");
            let jpeg = encode_jpeg(*number);
            // Every 17th image is truncated, and every 23rd message is malformed.
            let bytes = if number % 17 == 0 { &jpeg[..jpeg.len() / 2] } else { &jpeg };
            client.put_object().bucket("photos").key(key).body(bytes.to_vec().into()).send().await.unwrap();
            let mut event = events.recv().await.unwrap();
            // Ignore the events of outputs.
            while event["Records"][0]["s3"]["object"]["key"].as_str().unwrap().rsplit('.').next() != Some("jpg") {
                event = events.recv().await.unwrap();
            }
            let body = if number % 23 == 0 { "{".to_owned() } else { event.to_string() };
            if number % 23 == 0 {
                malformed.insert(id.clone());
            }
            messages.push(sqs_message(&id, &body));
        }
        let response = lambda.invoke(json!({ "Records": messages })).await.result.unwrap();
        let failures = response["batchItemFailures"].as_array().unwrap();
        failed.extend(failures.iter().map(|item| item["itemIdentifier"].as_str().unwrap().to_owned()));
        for line in std::iter::from_fn(|| log.try_recv().ok()) {
            let line: Value = serde_json::from_str(&line).unwrap_or_default();
            if let Some(report) = line.get("report") {
                let key = report["job"]["source"]["at"]["key"].as_str().unwrap().to_owned();
                let previous = outcomes.insert(key, report["outcome"].as_str().unwrap().to_owned());
                assert_eq!(previous, None, "an image should have one report: {report}");
                peaks.push(line["peak_memory_mib"].as_u64().unwrap_or_default());
            }
        }
    }
    assert_eq!(failed, malformed);
    for number in numbers.iter().filter(|number| *number % 23 != 0) {
        let expected = if number % 17 == 0 { "rejected" } else { "converted" };
        assert_eq!(outcomes.remove(&format!("写真 {number}.jpg")).as_deref(), Some(expected), "{number}");
    }
    assert_eq!(outcomes, BTreeMap::new());
    let tenths: Vec<u64> = (1..=10).map(|tenth| peaks[peaks.len() * tenth / 10 - 1]).collect();
    eprintln!("{images} images in batches of {MESSAGES_PER_BATCH}: peak memory in MiB after each tenth: {tenths:?}");
    let (early, late) = (tenths[0], tenths[9]);
    assert!(
        images < MIN_IMAGES_TO_COMPARE || late <= early + early / 10,
        "peak memory grew from {early} MiB to {late} MiB"
    );
}
