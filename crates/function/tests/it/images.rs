//! Tests conversions of single images with the outcomes converted, skipped and rejected.

use image::ImageFormat;
use model::{Outcome, Report, Size, VariantReport, VariantStatus};

use crate::deployment::{Deployment, image};

pub(crate) fn converted_variants(report: &Report) -> &[VariantReport] {
    match &report.outcome {
        Outcome::Converted { variants, .. } => variants,
        outcome => panic!("{outcome:?}"),
    }
}

fn rejection_reason(report: &Report) -> &str {
    match &report.outcome {
        Outcome::Rejected { reason } => reason,
        outcome => panic!("{outcome:?}"),
    }
}

#[tokio::test]
async fn image_is_converted_to_the_requested_widths() {
    let mut deployment = Deployment::with_events(&[("AVIF_SIZES", "full,100,9999")]).await;
    let report = deployment.put_and_get_report("写真 1+2%.jpg", &image(ImageFormat::Png, 300, 200)).await;
    let stored: Vec<_> =
        converted_variants(&report).iter().map(|v| (v.at.key.as_str(), v.width, v.height, v.status)).collect();
    let expected = [
        ("写真 1+2%.jpg.avif", 300, 200, VariantStatus::Stored),
        ("写真 1+2%.jpg.w9999.avif", 300, 200, VariantStatus::Stored),
        ("写真 1+2%.jpg.w100.avif", 100, 67, VariantStatus::Stored),
    ];
    assert_eq!(stored, expected);
    let keys = ["", ".avif", ".avif.json", ".w100.avif", ".w9999.avif"].map(|suffix| format!("写真 1+2%.jpg{suffix}"));
    assert_eq!(deployment.list_keys("photos").await, keys);

    let head = deployment.s3.head_object().bucket("photos").key("写真 1+2%.jpg.avif").send().await.unwrap();
    assert_eq!((head.content_type.as_deref(), head.cache_control.as_deref()), (Some("image/avif"), Some("max-age=60")));
    let metadata = head.metadata.unwrap();
    assert_eq!(Some(&metadata["avif-source-etag"]), report.job.source.etag.as_ref());
    assert_eq!((metadata["avif-recipe"].len(), metadata["avif-tool"].starts_with("avif-lambda/")), (16, true));

    let small = avif::decode(&deployment.read("photos", "写真 1+2%.jpg.w100.avif").await, 1 << 20).unwrap();
    assert_eq!((small.image.shape().width, small.image.shape().height), (100, 67));
    assert!(report.timings.decode_ms >= 0.0 && report.timings.encode_ms > 0.0 && report.timings.store_ms > 0.0);
}

#[tokio::test]
async fn events_of_outputs_are_skipped() {
    let mut deployment = Deployment::with_events(&[("AVIF_SIZES", "full,50")]).await;
    deployment.put_and_get_report("a.jpg", &image(ImageFormat::Png, 100, 80)).await;
    // The bucket sends one event for each of the two variants and one event for the manifest.
    for _ in 0..3 {
        let invocation = deployment.invocations.recv().await.unwrap();
        let response = invocation.last_attempt.result.unwrap();
        assert_eq!(response["reports"][0]["outcome"], "skipped", "{response}");
    }
    assert_eq!(deployment.list_keys("photos").await, ["a.jpg", "a.jpg.avif", "a.jpg.avif.json", "a.jpg.w50.avif"]);
    assert!(deployment.invocations.try_recv().is_err());
}

#[tokio::test]
async fn source_converted_with_the_same_recipe_is_skipped_without_a_download() {
    let mut deployment =
        Deployment::with_events(&[("AVIF_OUTPUT_BUCKET", "cdn"), ("AVIF_OUTPUT_PREFIX", "avif/")]).await;
    let bytes = image(ImageFormat::Png, 100, 80);
    deployment.put_and_get_report("a.png", &bytes).await;
    assert_eq!(deployment.list_keys("cdn").await, ["avif/a.png.avif"]);
    deployment.invocations.recv().await.unwrap();
    let again = deployment.put_and_get_report("a.png", &bytes).await;
    assert!(matches!(&again.outcome, Outcome::Skipped { reason } if reason.contains("stored already")), "{again:?}");
    assert!(again.timings.fetch_ms.abs() < f64::EPSILON, "{again:?}");
    let other = deployment.put_and_get_report("a.png", &image(ImageFormat::Png, 101, 80)).await;
    assert_eq!(converted_variants(&other)[0].width, 101);
}

#[tokio::test]
async fn broken_image_is_rejected_and_not_retried() {
    let mut deployment = Deployment::with_events(&[]).await;
    let jpeg = image(ImageFormat::Jpeg, 100, 80);
    for (key, bytes, words) in [
        ("empty.jpg", &b""[..], "empty"),
        ("text.jpg", b"not an image", "text.jpg"),
        ("short.jpg", &jpeg[..jpeg.len() / 2], ""),
    ] {
        let invocation = deployment.put_and_wait(key, bytes).await;
        assert_eq!(invocation.failed_attempts.len(), 0, "{key}");
        let report: Report =
            serde_json::from_value(invocation.last_attempt.result.unwrap()["reports"][0].clone()).unwrap();
        let reason = rejection_reason(&report);
        assert!(!reason.contains('\n') && (reason.contains(words) || key == "text.jpg"), "{key}: {reason}");
    }
    assert_eq!(deployment.list_keys("photos").await.len(), 3, "no output should be stored");
}

#[tokio::test]
async fn image_over_a_limit_is_rejected_with_the_limit() {
    let mut deployment = Deployment::with_events(&[("AVIF_MAX_BYTES", "4000"), ("AVIF_MAX_PIXELS", "5000")]).await;
    let large = deployment.put_and_get_report("large.png", &image(ImageFormat::Bmp, 60, 60)).await;
    assert!(rejection_reason(&large).contains("the limit of 4000 bytes; raise AVIF_MAX_BYTES"), "{large:?}");
    let wide = deployment.put_and_get_report("wide.png", &image(ImageFormat::Jpeg, 101, 50)).await;
    assert!(rejection_reason(&wide).contains("over the limit of 5000; raise the limit on pixels"), "{wide:?}");
}

#[tokio::test]
async fn variant_larger_than_its_source_is_reported_and_not_stored() {
    // An image of one color is smaller as a PNG than as an AVIF, because an AVIF contains many boxes.
    let mut plain = std::io::Cursor::new(vec![]);
    image::RgbImage::new(8, 8).write_to(&mut plain, ImageFormat::Png).unwrap();
    let mut deployment = Deployment::with_events(&[]).await;
    // The previous source has a variant. The job of the new source must delete that variant.
    deployment.put_and_get_report("dot.png", &image(ImageFormat::Png, 300, 200)).await;
    deployment.invocations.recv().await.unwrap();
    assert_eq!(deployment.list_keys("photos").await, ["dot.png", "dot.png.avif"]);
    let report = deployment.put_and_get_report("dot.png", plain.get_ref()).await;
    assert_eq!(converted_variants(&report)[0].status, VariantStatus::LargerThanSource);
    assert_eq!(deployment.list_keys("photos").await, ["dot.png"]);
    let mut deployment = Deployment::with_events(&[("AVIF_KEEP_LARGER", "true")]).await;
    let report = deployment.put_and_get_report("dot.png", plain.get_ref()).await;
    assert_eq!(
        (converted_variants(&report)[0].status, converted_variants(&report)[0].requested),
        (VariantStatus::Stored, Size::Full)
    );
}

#[tokio::test]
async fn full_variant_of_an_avif_source_is_a_copy_without_re_encoding() {
    // With `keep`, the function copies the file unchanged. With `strip`, the function would rewrite the file without
    // metadata.
    let mut deployment = Deployment::with_events(&[("AVIF_SIZES", "full,50"), ("AVIF_METADATA", "keep")]).await;
    deployment.put_and_get_report("a.png", &image(ImageFormat::Png, 90, 60)).await;
    let avif = deployment.read("photos", "a.png.avif").await;
    for _ in 0..3 {
        // Remove the events of the outputs from the channel.
        deployment.invocations.recv().await.unwrap();
    }
    let report = deployment.put_and_get_report("upload", &avif).await;
    let statuses: Vec<_> =
        converted_variants(&report).iter().map(|variant| (variant.requested.to_string(), variant.status)).collect();
    assert_eq!(statuses[0], ("full".into(), VariantStatus::Stored));
    assert_eq!(deployment.read("photos", "upload.avif").await, avif);
}
