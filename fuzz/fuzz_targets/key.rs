//! Tests that the outputs for any key in an S3 notification are never sources. The first line of the input is the
//! prefix of the layout, and the rest of the input is the key.

#![no_main]

use function::event::parse_event;
use libfuzzer_sys::fuzz_target;
use model::Width;
use serde_json::json;
use transfer::{Layout, Role};

fuzz_target!(|text: &str| {
    let (prefix, key) = text.split_once('\n').unwrap_or(("", text));
    let notification = json!({"Records": [{
        "eventSource": "aws:s3",
        "eventName": "ObjectCreated:Put",
        "eventTime": "2026-01-02T03:04:05.678Z",
        "userIdentity": {},
        "requestParameters": {},
        "responseElements": {},
        "s3": {"bucket": {"name": "photos"}, "object": {"key": key}},
    }]});
    let batch = parse_event(&notification).expect("the S3 notification is valid");
    assert_eq!(batch.jobs.len() + batch.rejected.len(), 1, "{batch:?}");
    let Some(job) = batch.jobs.first() else { return };
    let source = &job.source.at;
    let layout = Layout { bucket: None, prefix: prefix.into() };
    let Ok(outputs) = layout.output_locations(source, &"full,7,640".parse().expect("the sizes are valid")) else {
        return;
    };
    let variants = outputs.variants.iter().map(|variant| &variant.at);
    for output in variants.chain(&outputs.manifest) {
        assert_eq!(Role::of(output), Role::Output, "{output}");
        assert_ne!(output, source);
    }
    // Two sources never have the same variant key, because the key of a variant contains the key of its source.
    if let Ok(variant) = layout.variant_location(source, Width::Full) {
        let source_key = variant.key.strip_suffix(".avif").expect("the key of a variant ends with .avif");
        assert_eq!(source_key, format!("{prefix}{}", source.key));
    }
});
