//! Events that come late, twice, or after their source is gone.

use image::ImageFormat;
use serde_json::{Value, json};

use crate::deployment::{Deployment, image};
use crate::notification::record;

/// What S3 tells of a key; no ETag where it was deleted.
pub(crate) fn event(key: &str, etag: Option<&str>, sequencer: &str) -> Value {
    let name = if etag.is_some() { "ObjectCreated:Put" } else { "ObjectRemoved:Delete" };
    json!({"Records": [record(name, &json!({"key": key, "eTag": etag, "sequencer": sequencer}))]})
}

impl Deployment {
    /// Delivers an event and gives the one report: its outcome, and why.
    pub(crate) async fn tell(&self, event: Value) -> (String, String) {
        self.invoke_with_refusals(vec![], event).await
    }

    /// Puts an object of which nobody is told, and gives its ETag.
    pub(crate) async fn lay(&mut self, key: &str, bytes: &[u8]) -> String {
        let put = self.s3.put_object().bucket("photos").key(key).body(bytes.to_vec().into()).send();
        put.await.unwrap().e_tag.unwrap().trim_matches('"').to_owned()
    }

    /// The ETag of the source that a stored variant says it was made of.
    async fn source_of(&self, key: &str) -> Option<String> {
        let head = self.s3.head_object().bucket("photos").key(key).send().await.ok()?;
        head.metadata?.remove("avif-source-etag")
    }
}

#[tokio::test]
async fn an_event_whose_source_was_replaced_since_is_left_to_the_newer_one() {
    let mut house = Deployment::untold(&[]).await;
    let old = house.lay("a.png", &image(ImageFormat::Png, 90, 60)).await;
    let new = house.lay("a.png", &image(ImageFormat::Png, 91, 60)).await;
    let (outcome, why) = house.tell(event("a.png", Some(&old), "01")).await;
    assert!(outcome == "skipped" && why.contains("superseded: a newer version exists"), "{outcome}: {why}");
    assert_eq!(house.source_of("a.png.avif").await, None);
    assert_eq!(house.tell(event("a.png", Some(&new), "02")).await.0, "converted");
    // Late, and again.
    let (outcome, why) = house.tell(event("a.png", Some(&old), "01")).await;
    assert!(outcome == "skipped" && why.contains("created from a newer version"), "{outcome}: {why}");
    assert_eq!(house.source_of("a.png.avif").await, Some(new));
}

#[tokio::test]
async fn a_state_that_comes_back_is_what_is_stored_in_the_end() {
    let mut house = Deployment::untold(&[]).await;
    let one = image(ImageFormat::Png, 90, 60);
    let first = house.lay("a.png", &one).await;
    house.tell(event("a.png", Some(&first), "01")).await;
    let second = house.lay("a.png", &image(ImageFormat::Png, 91, 60)).await;
    house.tell(event("a.png", Some(&second), "02")).await;
    assert_eq!(house.lay("a.png", &one).await, first);
    // The second event again, before the third: what it stored the first time is its own to put right.
    assert_eq!(house.tell(event("a.png", Some(&second), "02")).await.0, "converted");
    assert_eq!(house.source_of("a.png.avif").await, Some(first.clone()));
    assert_eq!(house.tell(event("a.png", Some(&first), "03")).await.0, "skipped");
}

#[tokio::test]
async fn a_deleted_source_takes_its_outputs_along() {
    let mut house = Deployment::with(&[("AVIF_WIDTHS", "full,50")]).await;
    house.report_of("a.png", &image(ImageFormat::Png, 90, 60)).await;
    for _ in 0..3 {
        house.deliveries.recv().await.unwrap();
    }
    house.s3.delete_object().bucket("photos").key("a.png").send().await.unwrap();
    let answer = house.deliveries.recv().await.unwrap().last.result.unwrap();
    assert_eq!(answer["reports"][0]["outcome"], "deleted", "{answer}");
    // The manifest goes first, so that it never lists what is gone.
    let keys: Vec<_> = answer["reports"][0]["outputs"].as_array().unwrap().iter().map(|at| &at["key"]).collect();
    assert_eq!(keys, ["a.png.avif.json", "a.png.avif", "a.png.w50.avif"]);
    assert_eq!(house.keys("photos").await, [""; 0]);
    let (outcome, why) = house.tell(event("a.png", None, "FF")).await;
    assert!(outcome == "skipped" && why.contains("has no variants"), "{outcome}: {why}");
}

#[tokio::test]
async fn a_late_word_of_a_removal_harms_nothing_that_is_there_again() {
    let mut house = Deployment::untold(&[]).await;
    let etag = house.lay("a.png", &image(ImageFormat::Png, 90, 60)).await;
    house.tell(event("a.png", Some(&etag), "03")).await;
    let (outcome, why) = house.tell(event("a.png", None, "02")).await;
    assert!(outcome == "skipped" && why.contains("created from a newer version"), "{outcome}: {why}");
    // Without a place in order, what is there decides.
    let mut unordered = event("a.png", None, "02");
    unordered["Records"][0]["s3"]["object"]["sequencer"] = Value::Null;
    let (outcome, why) = house.tell(unordered).await;
    assert!(outcome == "skipped" && why.contains("stored already"), "{outcome}: {why}");
    assert_eq!(house.source_of("a.png.avif").await, Some(etag));
}

#[tokio::test]
async fn outputs_stay_where_removals_are_not_followed() {
    let mut house = Deployment::untold(&[("AVIF_FOLLOW_REMOVALS", "false")]).await;
    let etag = house.lay("a.png", &image(ImageFormat::Png, 90, 60)).await;
    house.tell(event("a.png", Some(&etag), "01")).await;
    house.s3.delete_object().bucket("photos").key("a.png").send().await.unwrap();
    assert_eq!(house.tell(event("a.png", None, "02")).await.0, "skipped");
    assert_eq!(house.keys("photos").await, ["a.png.avif"]);
}

#[tokio::test]
async fn an_event_whose_source_was_deleted_since_asks_for_nothing() {
    let mut house = Deployment::untold(&[]).await;
    let etag = house.lay("a.png", &image(ImageFormat::Png, 90, 60)).await;
    house.s3.delete_object().bucket("photos").key("a.png").send().await.unwrap();
    let (outcome, why) = house.tell(event("a.png", Some(&etag), "01")).await;
    assert!(outcome == "skipped" && why.contains("superseded: the source was deleted"), "{outcome}: {why}");
}

#[tokio::test]
async fn what_was_not_made_here_is_neither_replaced_nor_deleted() {
    let mut house = Deployment::untold(&[]).await;
    house.lay("a.png.avif", b"made by hand").await;
    let etag = house.lay("a.png", &image(ImageFormat::Png, 90, 60)).await;
    let (outcome, why) = house.tell(event("a.png", Some(&etag), "01")).await;
    assert!(outcome == "rejected" && why.starts_with("s3://photos/a.png.avif already exists"), "{outcome}: {why}");
    house.s3.delete_object().bucket("photos").key("a.png").send().await.unwrap();
    assert_eq!(house.tell(event("a.png", None, "02")).await.0, "skipped");
    assert_eq!(house.get("photos", "a.png.avif").await, b"made by hand");
}

#[tokio::test]
async fn an_order_by_hand_makes_the_outputs_agree_with_a_source_that_is_gone() {
    let mut house = Deployment::untold(&[]).await;
    house.lay("a.png", &image(ImageFormat::Png, 90, 60)).await;
    let order = json!({ "bucket": "photos", "key": "a.png" });
    assert_eq!(house.lambda.invoke(order.clone()).await.result.unwrap()["outcome"], "converted");
    // Nobody is told.
    house.s3.delete_object().bucket("photos").key("a.png").send().await.unwrap();
    assert_eq!(house.lambda.invoke(order.clone()).await.result.unwrap()["outcome"], "deleted");
    assert_eq!(house.lambda.invoke(order).await.result.unwrap()["outcome"], "rejected");
    assert_eq!(house.keys("photos").await, [""; 0]);
}

#[tokio::test]
async fn what_a_job_made_of_another_state_is_its_own_to_put_right() {
    let mut house = Deployment::untold(&[]).await;
    let etag = house.lay("a.png", &image(ImageFormat::Png, 90, 60)).await;
    house.tell(event("a.png", Some(&etag), "01")).await;
    // As it lies where the job of an earlier state wrote it, and was killed before it could look again.
    let stored = house.s3.get_object().bucket("photos").key("a.png.avif").send().await.unwrap();
    let mut metadata = stored.metadata.unwrap();
    metadata.remove("avif-source-sequencer");
    metadata.insert("avif-event-etag".into(), "earlier".into());
    let body = stored.body.collect().await.unwrap().into_bytes();
    let put = house.s3.put_object().bucket("photos").key("a.png.avif").set_metadata(Some(metadata));
    put.body(body.into()).send().await.unwrap();
    house.s3.delete_object().bucket("photos").key("a.png").send().await.unwrap();
    let (outcome, why) = house.tell(event("a.png", Some("unrelated"), "00")).await;
    assert!(outcome == "skipped" && why.contains("superseded: the source was deleted"), "{outcome}: {why}");
    assert_eq!(house.tell(event("a.png", Some("earlier"), "00")).await.0, "deleted");
}
