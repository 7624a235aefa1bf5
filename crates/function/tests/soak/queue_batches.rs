//! Images through a queue, in batches of ten, on one environment: every one is accounted for, and memory stays flat.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Cursor;

use emulator::{Lambda, S3, SECRET_KEY, Settings};
use image::{ImageFormat, Rgb, RgbImage};
use serde_json::{Value, json};
use tokio::sync::mpsc::unbounded_channel;

use crate::bootstrap::function;
use crate::setting;

const BATCH: usize = 10;
/// From so many on, what one environment takes in the end is compared with what it took early on.
const ENOUGH_TO_COMPARE: usize = 500;

/// A photograph of sorts, each of another size.
fn jpeg(number: usize) -> Vec<u8> {
    let (width, height) = (400 + u32::try_from(number * 37 % 400).unwrap(), 400);
    let byte = |number: u32| u8::try_from(number % 256).unwrap();
    let image = RgbImage::from_fn(width, height, |x, y| Rgb([byte(x / 2), byte(y / 2), byte(x * y / 97)]));
    let mut bytes = Cursor::new(vec![]);
    image.write_to(&mut bytes, ImageFormat::Jpeg).unwrap();
    bytes.into_inner()
}

fn message(id: &str, body: &str) -> Value {
    json!({ "messageId": id, "body": body, "attributes": {}, "eventSource": "aws:sqs" })
}

#[tokio::test(flavor = "multi_thread")]
async fn every_image_of_a_queue_is_accounted_for() {
    let images = setting("SOAK_IMAGES").unwrap_or(100);
    let folder = tempfile::tempdir().unwrap();
    let place = Settings {
        address: ([127, 0, 0, 1], 0).into(),
        folder: folder.path().into(),
        secret: SECRET_KEY.into(),
        buckets: vec!["photos".into()],
    };
    let (server, mut told) = S3::start(place).await.unwrap();
    let client = server.client(SECRET_KEY);
    let mut environment: BTreeMap<_, _> = server.environment();
    // What is counted here does not depend on how long an encoder searches.
    environment.insert("AVIF_SPEED".into(), "9".into());
    let (lines, mut log) = unbounded_channel();
    let lambda = Lambda::new(function(environment), lines);

    let (mut failed, mut unreadable, mut peaks) = (BTreeSet::new(), BTreeSet::new(), vec![]);
    let mut outcomes: BTreeMap<String, String> = BTreeMap::new();
    let numbers: Vec<usize> = (0..images).collect();
    for batch in numbers.chunks(BATCH) {
        let mut messages = vec![];
        for number in batch {
            let id = format!("message-{number}");
            let key = format!("写真 {number}.jpg");
            let whole = jpeg(*number);
            // Every seventeenth is broken, and of every twenty-third the message itself.
            let bytes = if number % 17 == 0 { &whole[..whole.len() / 2] } else { &whole };
            client.put_object().bucket("photos").key(key).body(bytes.to_vec().into()).send().await.unwrap();
            let mut event = told.recv().await.unwrap();
            // Those of outputs come as well.
            while event["Records"][0]["s3"]["object"]["key"].as_str().unwrap().rsplit('.').next() != Some("jpg") {
                event = told.recv().await.unwrap();
            }
            let body = if number % 23 == 0 { "{".to_owned() } else { event.to_string() };
            if number % 23 == 0 {
                unreadable.insert(id.clone());
            }
            messages.push(message(&id, &body));
        }
        let answer = lambda.invoke(json!({ "Records": messages })).await.result.unwrap();
        let named = answer["batchItemFailures"].as_array().unwrap();
        failed.extend(named.iter().map(|item| item["itemIdentifier"].as_str().unwrap().to_owned()));
        for line in std::iter::from_fn(|| log.try_recv().ok()) {
            let line: Value = serde_json::from_str(&line).unwrap_or_default();
            if let Some(report) = line.get("report") {
                let key = report["job"]["source"]["at"]["key"].as_str().unwrap().to_owned();
                let before = outcomes.insert(key, report["outcome"].as_str().unwrap().to_owned());
                assert_eq!(before, None, "two reports of one image: {report}");
                peaks.push(line["peak_memory_mib"].as_u64().unwrap_or_default());
            }
        }
    }
    assert_eq!(failed, unreadable);
    for number in numbers.iter().filter(|number| *number % 23 != 0) {
        let expected = if number % 17 == 0 { "rejected" } else { "converted" };
        assert_eq!(outcomes.remove(&format!("写真 {number}.jpg")).as_deref(), Some(expected), "{number}");
    }
    assert_eq!(outcomes, BTreeMap::new());
    let tenths: Vec<u64> = (1..=10).map(|tenth| peaks[peaks.len() * tenth / 10 - 1]).collect();
    eprintln!("{images} images in batches of {BATCH}: peak in MiB after each tenth of them: {tenths:?}");
    let (early, late) = (tenths[0], tenths[9]);
    assert!(images < ENOUGH_TO_COMPARE || late <= early + early / 10, "{early} MiB became {late} MiB");
}
