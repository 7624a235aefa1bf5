//! Tests the headers, the metadata and the tags of outputs, and the content of the manifest.

use std::collections::HashMap;

use image::ImageFormat;
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::deployment::{Deployment, image};
use crate::event_order::event;

#[tokio::test]
async fn user_metadata_is_omitted_if_it_exceeds_the_limit_together_with_the_provenance() {
    let mut deployment = Deployment::with_events(&[]).await;
    let put = deployment.s3.put_object().bucket("photos").key("a.png").body(image(ImageFormat::Png, 90, 60).into());
    let put = put
        .content_disposition("attachment")
        .content_language("ja")
        .metadata("camera", "Leica M6")
        .metadata("avif-recipe", "forged")
        .metadata("story", "x".repeat(1900));
    put.send().await.unwrap();
    let response = deployment.invocations.recv().await.unwrap().last_attempt.result.unwrap();
    let note = response["reports"][0]["notes"][0].as_str().unwrap();
    assert!(note.ends_with("was omitted: story"), "{note}");

    let head = deployment.s3.head_object().bucket("photos").key("a.png.avif").send().await.unwrap();
    assert_eq!(head.content_disposition.as_deref(), Some("attachment"));
    assert_eq!(head.content_language.as_deref(), Some("ja"));
    let metadata = head.metadata.unwrap();
    assert_eq!((metadata["camera"].as_str(), metadata["avif-recipe"].len()), ("Leica M6", 16));
    let size: usize = metadata.iter().map(|(name, value)| name.len() + value.len()).sum();
    assert!(size <= 2048 && !metadata.contains_key("story"), "{metadata:?}");
}

#[tokio::test]
async fn manifest_lists_the_stored_variants() {
    let mut deployment = Deployment::with_events(&[("AVIF_SIZES", "full,50")]).await;
    let report = deployment.put_and_get_report("a.png", &image(ImageFormat::Png, 90, 60)).await;
    let manifest: Value = serde_json::from_slice(&deployment.read("photos", "a.png.avif.json").await).unwrap();
    assert_eq!(manifest["source"]["key"], "a.png");
    assert_eq!(manifest["source"]["etag"].as_str(), report.job.source.etag.as_deref());
    let listed: HashMap<&str, &Value> = manifest["variants"]
        .as_array()
        .unwrap()
        .iter()
        .map(|variant| (variant["key"].as_str().unwrap(), variant))
        .collect();
    assert_eq!(listed.len(), 2, "{manifest}");
    for (key, width) in [("a.png.avif", 90), ("a.png.w50.avif", 50)] {
        let bytes = deployment.read("photos", key).await;
        let digest = Sha256::digest(&bytes);
        let sha256 = digest.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"));
        assert_eq!(listed[key]["sha256"], sha256.as_str());
        assert_eq!((&listed[key]["bytes"], &listed[key]["width"]), (&bytes.len().into(), &width.into()));
        let head = deployment.s3.head_object().bucket("photos").key(key).send().await.unwrap();
        assert_eq!(head.e_tag.unwrap().trim_matches('"'), listed[key]["etag"]);
        assert_eq!(head.metadata.unwrap()["avif-sha256"], sha256);
    }
    let head = deployment.s3.head_object().bucket("photos").key("a.png.avif.json").send().await.unwrap();
    assert_eq!(head.content_type.as_deref(), Some("application/json"));
}

#[tokio::test]
async fn replaced_source_replaces_manifest_and_variants() {
    let mut deployment = Deployment::with_events(&[("AVIF_SIZES", "full,50")]).await;
    deployment.put_and_get_report("a.png", &image(ImageFormat::Png, 90, 60)).await;
    for _ in 0..3 {
        deployment.invocations.recv().await.unwrap();
    }
    let report = deployment.put_and_get_report("a.png", &image(ImageFormat::Png, 300, 200)).await;
    let manifest: Value = serde_json::from_slice(&deployment.read("photos", "a.png.avif.json").await).unwrap();
    assert_eq!(manifest["source"]["etag"].as_str(), report.job.source.etag.as_deref());
    assert_eq!(manifest["variants"][0]["width"], 300);
}

#[tokio::test]
async fn tags_are_copied_if_copy_tags_is_set() {
    for (copy_tags, expected) in [("true", vec![("album", "1 & 2"), ("who", "我")]), ("false", vec![])] {
        let mut deployment = Deployment::with_events(&[("AVIF_COPY_TAGS", copy_tags)]).await;
        let put = deployment.s3.put_object().bucket("photos").key("a.png").tagging("album=1%20%26%202&who=%E6%88%91");
        put.body(image(ImageFormat::Png, 90, 60).into()).send().await.unwrap();
        deployment.invocations.recv().await.unwrap().last_attempt.result.unwrap();
        let tags = deployment.s3.get_object_tagging().bucket("photos").key("a.png.avif").send().await.unwrap().tag_set;
        let tags: Vec<_> = tags.iter().map(|tag| (tag.key(), tag.value())).collect();
        assert_eq!(tags, expected);
    }
}

#[tokio::test]
async fn headers_and_user_metadata_are_copied_unless_copy_headers_is_false() {
    for (copy_headers, expected) in [("true", vec!["attachment", "max-age=60", "Alice"]), ("false", vec![])] {
        let mut deployment = Deployment::with_events(&[("AVIF_COPY_HEADERS", copy_headers)]).await;
        let put = deployment.s3.put_object().bucket("photos").key("a.png").metadata("owner", "Alice");
        let put = put.cache_control("max-age=60").content_disposition("attachment");
        put.body(image(ImageFormat::Png, 90, 60).into()).send().await.unwrap();
        deployment.invocations.recv().await.unwrap().last_attempt.result.unwrap();
        let head = deployment.s3.head_object().bucket("photos").key("a.png.avif").send().await.unwrap();
        let owner = head.metadata.unwrap_or_default().remove("owner");
        let copied: Vec<_> = [head.content_disposition, head.cache_control, owner].into_iter().flatten().collect();
        assert_eq!(copied, expected);
    }
}

#[tokio::test]
async fn missing_variant_is_stored_again_unless_it_was_larger_than_its_source() {
    let mut deployment = Deployment::without_events(&[("AVIF_SIZES", "full,50")]).await;
    let etag = deployment.put_source("a.png", &image(ImageFormat::Png, 90, 60)).await;
    deployment.send_event(event("a.png", Some(&etag), "01")).await;
    assert_eq!(deployment.send_event(event("a.png", Some(&etag), "01")).await.0, "skipped");
    deployment.s3.delete_object().bucket("photos").key("a.png.w50.avif").send().await.unwrap();
    // The manifest still lists the variant that was deleted, but the function stores the variant again.
    assert_eq!(deployment.send_event(event("a.png", Some(&etag), "01")).await.0, "converted");
    assert_eq!(deployment.list_keys("photos").await, ["a.png", "a.png.avif", "a.png.avif.json", "a.png.w50.avif"]);

    let etag = deployment.put_source("tiny.png", &image(ImageFormat::Png, 2, 2)).await;
    let (outcome, _) = deployment.send_event(event("tiny.png", Some(&etag), "01")).await;
    let manifest: Value = serde_json::from_slice(&deployment.read("photos", "tiny.png.avif.json").await).unwrap();
    assert_eq!((outcome.as_str(), manifest["variants"].as_array().unwrap().len()), ("converted", 0));
    assert_eq!(deployment.send_event(event("tiny.png", Some(&etag), "01")).await.0, "skipped");
}
