//! Compares the metrics with the sums of the function's reports.

use std::collections::BTreeMap;
use std::path::Path;

use emulator::{S3, SECRET_KEY, Settings};
use image::{Rgb, RgbImage};
use model::{Outcome, Report, VariantStatus};
use serde_json::{Value, json};

use crate::backend::{Backend, Behavior, ReceivedSignals, attribute_of};
use crate::deployment::{function, lines, metrics, program, start, sum};

const INVOCATIONS: usize = 1000;

/// Creates images and a damaged file. Returns a function that creates the event of each invocation.
fn create_images(folder: &Path) -> impl Fn(usize) -> Value + use<> {
    for number in 0..INVOCATIONS / 5 {
        let shade = |value: u32| u8::try_from((value * 40 + u32::try_from(number).unwrap()) % 256).unwrap();
        let image = RgbImage::from_fn(16, 12, |x, y| Rgb([shade(x), shade(y), shade(x + y)]));
        image.save(folder.join(format!("{number}.bmp"))).unwrap();
    }
    std::fs::write(folder.join("broken.jpg"), "no image").unwrap();
    |number| match number % 5 {
        // Two invocations use the same image. The second one is skipped.
        0 | 1 => json!({ "bucket": "photos", "key": format!("{}.bmp", number / 5) }),
        2 => json!({ "bucket": "photos", "key": "broken.jpg" }),
        3 => json!({ "bucket": "NO", "key": "a.jpg" }),
        _ => json!({ "no": "event" }),
    }
}

#[tokio::test]
async fn metrics_of_a_thousand_invocations_match_their_reports() {
    let folder = tempfile::tempdir().unwrap();
    let settings = Settings {
        address: ([127, 0, 0, 1], 0).into(),
        folder: folder.path().to_owned(),
        secret: SECRET_KEY.into(),
        buckets: vec!["photos".to_owned()],
    };
    let (server, _notifications) = S3::start(settings).await.unwrap();
    let event = create_images(&folder.path().join("photos"));
    let backend = Backend::start(Behavior::Accepts).await;
    let mut function = function(program("bootstrap"), &[("OTEL_EXPORTER_OTLP_ENDPOINT", &backend.endpoint)]);
    function.environment.extend(server.environment());
    function.environment.insert("AVIF_SPEED".into(), "10".into());
    let (lambda, mut log) = start(function);
    let mut errors = 0;
    let mut duration = 0.0;
    for number in 0..INVOCATIONS {
        let invocation = lambda.invoke(event(number)).await;
        errors += u32::from(invocation.result.is_err());
        duration += invocation.duration.as_secs_f64() * 1000.0;
    }
    lambda.stop().await;

    let lines = lines(&mut log);
    let written: Vec<Value> = lines.iter().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let written: Vec<&Value> = written.iter().filter(|line| line["level"].is_string()).collect();
    let reports: Vec<Report> =
        written.iter().filter_map(|line| serde_json::from_value(line["report"].clone()).ok()).collect();
    assert_eq!(reports.len(), INVOCATIONS / 5 * 4, "one report per invocation with a valid event");

    let metrics = metrics(&lines);
    let total = |name| sum(&metrics, name);
    let expected = expected(&reports);
    for (name, value) in &expected {
        assert!((total(name) - value).abs() < 1e-6 * value.abs() + 1e-9, "{name}: {} is not {value}", total(name));
    }
    for name in ["Converted", "Rejected", "Failed", "Skipped"] {
        assert_eq!(expected[name], 200.0, "{name}: each outcome occurs 200 times");
    }
    assert_eq!([total("Invocations"), total("Errors"), total("ColdStarts")], [1000.0, f64::from(errors), 1.0]);
    assert_eq!((metrics["BilledDuration"].len(), metrics["MemoryUsed"].len()), (1000, 1000));
    assert!((total("Duration") - duration).abs() < 1.0, "{} ms are not {duration}", total("Duration"));
    assert_eq!(total("TelemetryDropped"), 0.0);

    let received = backend.take_received();
    check_opentelemetry(&received, &expected, &reports);
    let (invocations, failed) = (received.sum("faas.invocations", ""), received.sum("faas.errors", ""));
    assert_eq!((invocations, failed), (1000 - i64::from(errors), i64::from(errors)), "successes and failures");
    assert_eq!(received.logs.len(), written.len(), "each line of the function");
}

#[tokio::test]
async fn rejected_records_are_counted() {
    let backend = Backend::start(Behavior::Accepts).await;
    let settings = [
        ("AWS_ACCESS_KEY_ID", "key"),
        ("AWS_SECRET_ACCESS_KEY", "secret"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", &backend.endpoint),
    ];
    let (lambda, mut log) = start(function(program("bootstrap"), &settings));
    let record = |name: &str, key: &str| json!({ "eventSource": "aws:s3", "eventName": name, "s3": { "bucket": { "name": "photos" }, "object": { "key": key } } });
    let records = [record("ObjectCreated:Put", "%FF.jpg"), record("ObjectTagging:Put", "a.jpg")];
    lambda.invoke(json!({ "Records": records })).await.result.unwrap();
    lambda.stop().await;
    assert_eq!(sum(&metrics(&lines(&mut log)), "RejectedRecords"), 2.0);
    assert_eq!(backend.take_received().sum("avif.rejected_records", ""), 2);
}

/// Calculates the expected value of each metric.
#[expect(clippy::cast_precision_loss, reason = "sizes are far below 2^53")]
fn expected(reports: &[Report]) -> BTreeMap<&'static str, f64> {
    let mut expected = BTreeMap::new();
    let mut add = |name, value: f64| *expected.entry(name).or_default() += value;
    for report in reports {
        match &report.outcome {
            Outcome::Converted { image, variants, .. } => {
                add("Converted", 1.0);
                add("BytesIn", image.bytes as f64);
                let stored: Vec<_> =
                    variants.iter().filter(|variant| variant.status == VariantStatus::Stored).collect();
                add("BytesOut", stored.iter().map(|variant| variant.bytes as f64).sum());
                add("Saving", stored.iter().map(|v| 100.0 - 100.0 * v.bytes as f64 / image.bytes as f64).sum());
                add("Score", variants.iter().filter_map(|variant| variant.score).map(f64::from).sum());
            }
            Outcome::Deleted { .. } => add("Deleted", 1.0),
            Outcome::Skipped { .. } => add("Skipped", 1.0),
            Outcome::Rejected { .. } => add("Rejected", 1.0),
            Outcome::Failed { .. } => add("Failed", 1.0),
        }
        add("FetchTime", report.timings.fetch_ms);
        add("DecodeTime", report.timings.decode_ms);
        add("TransformTime", report.timings.transform_ms);
        add("EncodeTime", report.timings.encode_ms);
        add("StoreTime", report.timings.store_ms);
    }
    expected
}

#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^53")]
fn check_opentelemetry(received: &ReceivedSignals, expected: &BTreeMap<&'static str, f64>, reports: &[Report]) {
    for (name, outcome) in
        [("Converted", "converted"), ("Rejected", "rejected"), ("Failed", "failed"), ("Skipped", "skipped")]
    {
        assert_eq!(received.sum("avif.images", outcome) as f64, expected[name]);
    }
    let seconds = received.histogram("avif.stage.duration", "encode").1;
    assert!((seconds * 1000.0 - expected["EncodeTime"]).abs() < 1e-3, "{seconds} s");
    assert_eq!(received.histogram("avif.source.size", ""), (200, expected["BytesIn"]));

    let mut names: BTreeMap<&str, usize> = BTreeMap::new();
    for span in &received.spans {
        *names.entry(&span.name).or_default() += 1;
    }
    assert_eq!((names["f"], names["init"], names["image"]), (1000, 1, reports.len()));
    let ids: std::collections::BTreeSet<_> = received.spans.iter().map(|span| &span.span_id).collect();
    assert_eq!(ids.len(), received.spans.len(), "span identifiers are distinct");

    // The parent of an image's span is the span of an invocation. The parent of a stage's span is the span of an image.
    // The stages of an image are in order.
    let by_id: BTreeMap<_, _> = received.spans.iter().map(|span| (&span.span_id, span)).collect();
    let mut stages: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for span in received.spans.iter().filter(|span| !["f", "init"].contains(&span.name.as_str())) {
        let parent = by_id[&span.parent_span_id];
        assert_eq!(parent.trace_id, span.trace_id);
        match span.name.as_str() {
            "image" => assert_eq!(parent.name, "f"),
            _ => stages.entry(&parent.span_id).or_default().push(span),
        }
    }
    for (image, mut stages) in stages {
        stages.sort_by_key(|span| span.start_time_unix_nano);
        let order = ["fetch", "decode", "transform", "encode", "store"];
        let places: Vec<_> = stages.iter().map(|span| order.iter().position(|name| *name == span.name)).collect();
        assert!(places.is_sorted() && places.iter().all(Option::is_some), "{places:?}");
        assert!(attribute_of(by_id[image], "avif.source").unwrap().starts_with("s3://"));
    }
}
