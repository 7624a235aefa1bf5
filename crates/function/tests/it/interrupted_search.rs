//! Tests a quality search that has too little time before the deadline. The metadata of the variant records that the
//! search is incomplete, and the next event with enough time converts the source again.

use std::io::Cursor;
use std::time::Duration;

use emulator::{Function, Lambda};
use image::ImageFormat;
use serde_json::Value;
use tokio::sync::mpsc::unbounded_channel;

use crate::bootstrap::function;
use crate::deployment::Deployment;
use crate::event_order::event;

/// Returns an image of one color. According to the estimate, a search at speed 0 takes longer than the short timeout.
/// The search is actually much faster than the estimate, because the image has only one color.
fn single_color_png() -> Vec<u8> {
    let mut bytes = Cursor::new(vec![]);
    image::GrayImage::new(512, 512).write_to(&mut bytes, ImageFormat::Png).unwrap();
    bytes.into_inner()
}

fn function_with_timeout(deployment: &Deployment, timeout: Duration) -> Lambda {
    Lambda::new(Function { timeout, ..function(deployment.environment.clone()) }, unbounded_channel().0)
}

async fn invoke_for_report(lambda: &Lambda, event: &Value) -> Value {
    lambda.invoke(event.clone()).await.result.unwrap()["reports"][0].clone()
}

#[tokio::test]
async fn variant_without_a_complete_search_is_converted_again_by_a_job_with_enough_time() {
    let settings = [("AVIF_SPEED", "0"), ("AVIF_SIZES", "full,50"), ("AVIF_KEEP_LARGER", "true")];
    let mut deployment = Deployment::without_events(&settings).await;
    let etag = deployment.put_source("a.png", &single_color_png()).await;
    let created = event("a.png", Some(&etag), "01");
    let short = function_with_timeout(&deployment, Duration::from_secs(20));
    let long = function_with_timeout(&deployment, Duration::from_mins(1));
    let search_status = async |key: &str| {
        let head = deployment.s3.head_object().bucket("photos").key(key).send().await.unwrap();
        head.metadata.unwrap().get("avif-search").cloned()
    };

    let first = invoke_for_report(&short, &created).await;
    assert_eq!(first["outcome"], "converted");
    let notes = first["notes"].to_string();
    assert!(notes.contains("there was no time for it") && notes.contains("converts it again"), "{notes}");
    for key in ["a.png.avif", "a.png.w50.avif", "a.png.avif.json"] {
        assert_eq!(search_status(key).await.as_deref(), Some("cut-short"), "{key}");
    }

    let second = invoke_for_report(&long, &created).await;
    assert_eq!(second["outcome"], "converted", "{second}");
    assert!(second["variants"][0]["score"].is_number() && second.get("notes").is_none(), "{second}");
    for key in ["a.png.avif", "a.png.w50.avif", "a.png.avif.json"] {
        assert_eq!(search_status(key).await, None, "{key}");
    }

    // A job without time for a search writes only the missing variant. It keeps the existing variant, because a
    // complete search chose the quality of that variant.
    let etag_of = async |key: &str| deployment.s3.head_object().bucket("photos").key(key).send().await.unwrap().e_tag;
    let full = etag_of("a.png.avif").await;
    deployment.s3.delete_object().bucket("photos").key("a.png.w50.avif").send().await.unwrap();
    assert_eq!(invoke_for_report(&short, &created).await["outcome"], "converted");
    assert_eq!((etag_of("a.png.avif").await, search_status("a.png.avif").await), (full.clone(), None));
    assert_eq!(search_status("a.png.w50.avif").await.as_deref(), Some("cut-short"));
    // A second job without time for a search cannot improve the variant, so it is skipped.
    let manifest = etag_of("a.png.avif.json").await;
    assert_eq!(invoke_for_report(&short, &created).await["outcome"], "skipped");
    assert_eq!(etag_of("a.png.avif.json").await, manifest);
    assert_eq!(invoke_for_report(&long, &created).await["outcome"], "converted");
    assert_eq!((etag_of("a.png.avif").await, search_status("a.png.w50.avif").await), (full, None));
    assert_eq!(invoke_for_report(&long, &created).await["outcome"], "skipped");
}
