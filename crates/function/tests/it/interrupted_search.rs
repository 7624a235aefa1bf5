//! A search for the quality that the deadline cut short: what is stored says so, and is made again when there is time.

use std::io::Cursor;
use std::time::Duration;

use emulator::{Function, Lambda};
use image::ImageFormat;
use serde_json::Value;
use tokio::sync::mpsc::unbounded_channel;

use crate::bootstrap::function;
use crate::deployment::Deployment;
use crate::event_order::event;

/// So many pixels that a search at speed 0 may take longer than the short time, by the estimate. One color takes much less.
fn plain() -> Vec<u8> {
    let mut bytes = Cursor::new(vec![]);
    image::GrayImage::new(512, 512).write_to(&mut bytes, ImageFormat::Png).unwrap();
    bytes.into_inner()
}

fn with_timeout(house: &Deployment, timeout: Duration) -> Lambda {
    Lambda::new(Function { timeout, ..function(house.environment.clone()) }, unbounded_channel().0)
}

async fn report(lambda: &Lambda, event: &Value) -> Value {
    lambda.invoke(event.clone()).await.result.unwrap()["reports"][0].clone()
}

#[tokio::test]
async fn variant_whose_search_was_cut_short_is_made_again_by_the_next_delivery() {
    let settings = [("AVIF_SPEED", "0"), ("AVIF_WIDTHS", "full,50"), ("AVIF_KEEP_LARGER", "true")];
    let mut house = Deployment::untold(&settings).await;
    let etag = house.lay("a.png", &plain()).await;
    let created = event("a.png", Some(&etag), "01");
    let (short, long) = (with_timeout(&house, Duration::from_secs(20)), with_timeout(&house, Duration::from_mins(1)));
    let search = async |key: &str| {
        let head = house.s3.head_object().bucket("photos").key(key).send().await.unwrap();
        head.metadata.unwrap().get("avif-search").cloned()
    };

    let first = report(&short, &created).await;
    assert_eq!(first["outcome"], "converted");
    let notes = first["notes"].to_string();
    assert!(notes.contains("there was no time for it") && notes.contains("converts it again"), "{notes}");
    for key in ["a.png.avif", "a.png.w50.avif", "a.png.avif.json"] {
        assert_eq!(search(key).await.as_deref(), Some("cut-short"), "{key}");
    }

    let second = report(&long, &created).await;
    assert_eq!(second["outcome"], "converted", "{second}");
    assert!(second["variants"][0]["score"].is_number() && second.get("notes").is_none(), "{second}");
    for key in ["a.png.avif", "a.png.w50.avif", "a.png.avif.json"] {
        assert_eq!(search(key).await, None, "{key}");
    }

    // A variant that a search found is kept, also by a job that has no time for one and stores the other width.
    let etag_of = async |key: &str| house.s3.head_object().bucket("photos").key(key).send().await.unwrap().e_tag;
    let full = etag_of("a.png.avif").await;
    house.s3.delete_object().bucket("photos").key("a.png.w50.avif").send().await.unwrap();
    assert_eq!(report(&short, &created).await["outcome"], "converted");
    assert_eq!((etag_of("a.png.avif").await, search("a.png.avif").await), (full.clone(), None));
    assert_eq!(search("a.png.w50.avif").await.as_deref(), Some("cut-short"));
    // Without time for a search there is nothing to gain.
    let manifest = etag_of("a.png.avif.json").await;
    assert_eq!(report(&short, &created).await["outcome"], "skipped");
    assert_eq!(etag_of("a.png.avif.json").await, manifest);
    assert_eq!(report(&long, &created).await["outcome"], "converted");
    assert_eq!((etag_of("a.png.avif").await, search("a.png.w50.avif").await), (full, None));
    assert_eq!(report(&long, &created).await["outcome"], "skipped");
}
