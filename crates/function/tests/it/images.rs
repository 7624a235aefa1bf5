use image::ImageFormat;
use model::{Outcome, Report, VariantReport, VariantStatus, Width};

use crate::deployment::{Deployment, image};

fn variants(report: &Report) -> &[VariantReport] {
    match &report.outcome {
        Outcome::Converted { variants, .. } => variants,
        outcome => panic!("{outcome:?}"),
    }
}

fn reason(report: &Report) -> &str {
    match &report.outcome {
        Outcome::Rejected { reason } => reason,
        outcome => panic!("{outcome:?}"),
    }
}

#[tokio::test]
async fn a_photograph_gets_its_variants_beside_it() {
    let mut house = Deployment::with(&[("AVIF_WIDTHS", "full,100,9999")]).await;
    let report = house.report_of("写真 1+2%.jpg", &image(ImageFormat::Png, 300, 200)).await;
    let made: Vec<_> = variants(&report).iter().map(|v| (v.at.key.as_str(), v.width, v.height, v.status)).collect();
    let expected = [
        ("写真 1+2%.jpg.avif", 300, 200, VariantStatus::Stored),
        ("写真 1+2%.jpg.w9999.avif", 300, 200, VariantStatus::Stored),
        ("写真 1+2%.jpg.w100.avif", 100, 67, VariantStatus::Stored),
    ];
    assert_eq!(made, expected);
    let keys = ["", ".avif", ".avif.json", ".w100.avif", ".w9999.avif"].map(|end| format!("写真 1+2%.jpg{end}"));
    assert_eq!(house.keys("photos").await, keys);

    let head = house.s3.head_object().bucket("photos").key("写真 1+2%.jpg.avif").send().await.unwrap();
    assert_eq!((head.content_type.as_deref(), head.cache_control.as_deref()), (Some("image/avif"), Some("max-age=60")));
    let metadata = head.metadata.unwrap();
    assert_eq!(Some(&metadata["avif-source-etag"]), report.job.source.etag.as_ref());
    assert_eq!((metadata["avif-recipe"].len(), metadata["avif-tool"].starts_with("avif-lambda/")), (16, true));

    let small = avif::decode(&house.get("photos", "写真 1+2%.jpg.w100.avif").await, 1 << 20).unwrap();
    assert_eq!((small.image.shape().width, small.image.shape().height), (100, 67));
    assert!(report.timings.decode_ms >= 0.0 && report.timings.encode_ms > 0.0 && report.timings.store_ms > 0.0);
}

#[tokio::test]
async fn the_functions_own_outputs_fed_back_produce_nothing() {
    let mut house = Deployment::with(&[("AVIF_WIDTHS", "full,50")]).await;
    house.report_of("a.jpg", &image(ImageFormat::Png, 100, 80)).await;
    // The two variants and their manifest were told of as any object is.
    for _ in 0..3 {
        let delivery = house.deliveries.recv().await.unwrap();
        let answer = delivery.last.result.unwrap();
        assert_eq!(answer["reports"][0]["outcome"], "skipped", "{answer}");
    }
    assert_eq!(house.keys("photos").await, ["a.jpg", "a.jpg.avif", "a.jpg.avif.json", "a.jpg.w50.avif"]);
    assert!(house.deliveries.try_recv().is_err());
}

#[tokio::test]
async fn a_source_already_converted_by_the_same_recipe_is_skipped_unfetched() {
    let mut house = Deployment::with(&[("AVIF_OUTPUT_BUCKET", "cdn"), ("AVIF_OUTPUT_PREFIX", "avif/")]).await;
    let bytes = image(ImageFormat::Png, 100, 80);
    house.report_of("a.png", &bytes).await;
    assert_eq!(house.keys("cdn").await, ["avif/a.png.avif"]);
    house.deliveries.recv().await.unwrap();
    let again = house.report_of("a.png", &bytes).await;
    assert!(matches!(&again.outcome, Outcome::Skipped { reason } if reason.contains("stored already")), "{again:?}");
    assert!(again.timings.fetch_ms.abs() < f64::EPSILON, "{again:?}");
    let other = house.report_of("a.png", &image(ImageFormat::Png, 101, 80)).await;
    assert_eq!(variants(&other)[0].width, 101);
}

#[tokio::test]
async fn a_broken_image_is_refused_and_not_retried() {
    let mut house = Deployment::with(&[]).await;
    let whole = image(ImageFormat::Jpeg, 100, 80);
    for (key, bytes, words) in [
        ("empty.jpg", &b""[..], "empty"),
        ("text.jpg", b"not an image", "text.jpg"),
        ("short.jpg", &whole[..whole.len() / 2], ""),
    ] {
        let delivery = house.put(key, bytes).await;
        assert_eq!(delivery.retried.len(), 0, "{key}");
        let report: Report = serde_json::from_value(delivery.last.result.unwrap()["reports"][0].clone()).unwrap();
        let reason = reason(&report);
        assert!(!reason.contains('\n') && (reason.contains(words) || key == "text.jpg"), "{key}: {reason}");
    }
    assert_eq!(house.keys("photos").await.len(), 3, "nothing was stored");
}

#[tokio::test]
async fn a_image_over_a_limit_is_refused_with_the_limit() {
    let mut house = Deployment::with(&[("AVIF_MAX_BYTES", "4000"), ("AVIF_MAX_PIXELS", "5000")]).await;
    let large = house.report_of("large.png", &image(ImageFormat::Bmp, 60, 60)).await;
    assert!(reason(&large).contains("the limit of 4000 bytes; raise AVIF_MAX_BYTES"), "{large:?}");
    let wide = house.report_of("wide.png", &image(ImageFormat::Jpeg, 101, 50)).await;
    assert!(reason(&wide).contains("over the limit of 5000; raise the limit on pixels"), "{wide:?}");
}

#[tokio::test]
async fn what_comes_out_larger_than_its_source_is_told_and_left_out() {
    // One color: a few bytes as PNG, more as AVIF with all its boxes.
    let mut plain = std::io::Cursor::new(vec![]);
    image::RgbImage::new(8, 8).write_to(&mut plain, ImageFormat::Png).unwrap();
    let mut house = Deployment::with(&[]).await;
    // What stood in its place was made of another image.
    house.report_of("dot.png", &image(ImageFormat::Png, 300, 200)).await;
    house.deliveries.recv().await.unwrap();
    assert_eq!(house.keys("photos").await, ["dot.png", "dot.png.avif"]);
    let report = house.report_of("dot.png", plain.get_ref()).await;
    assert_eq!(variants(&report)[0].status, VariantStatus::LargerThanSource);
    assert_eq!(house.keys("photos").await, ["dot.png"]);
    let mut keeping = Deployment::with(&[("AVIF_KEEP_LARGER", "true")]).await;
    let report = keeping.report_of("dot.png", plain.get_ref()).await;
    assert_eq!((variants(&report)[0].status, variants(&report)[0].requested), (VariantStatus::Stored, Width::Full));
}

#[tokio::test]
async fn an_avif_is_stored_as_it_is_beside_its_narrower_variants() {
    // Without metadata it would be written anew.
    let mut house = Deployment::with(&[("AVIF_WIDTHS", "full,50"), ("AVIF_METADATA", "keep")]).await;
    house.report_of("a.png", &image(ImageFormat::Png, 90, 60)).await;
    let avif = house.get("photos", "a.png.avif").await;
    for _ in 0..3 {
        // Of our own outputs, which are never inputs.
        house.deliveries.recv().await.unwrap();
    }
    let report = house.report_of("upload", &avif).await;
    let fates: Vec<_> =
        variants(&report).iter().map(|variant| (variant.requested.to_string(), variant.status)).collect();
    assert_eq!(fates[0], ("full".into(), VariantStatus::Stored));
    assert_eq!(house.get("photos", "upload.avif").await, avif);
}
