//! Tests WebP and JPEG variants.

use image::ImageFormat;
use model::{OutputFormat, VariantStatus};
use serde_json::Value;

use crate::deployment::{Deployment, image};
use crate::images::converted_variants;

const SETTINGS: [(&str, &str); 3] =
    [("AVIF_FORMATS", "avif,webp,jpeg"), ("AVIF_SIZES", "full,50"), ("AVIF_OUTPUT_PREFIX", "variants/")];

#[tokio::test]
async fn each_width_is_stored_in_each_format() {
    let mut deployment = Deployment::with_events(&SETTINGS).await;
    deployment.put_and_get_report("写真 1+2.png", &image(ImageFormat::Png, 90, 60)).await;
    let expected = [
        ("variants/写真 1+2.png.avif", "image/avif"),
        ("variants/写真 1+2.png.avif.jpg", "image/jpeg"),
        ("variants/写真 1+2.png.avif.webp", "image/webp"),
        ("variants/写真 1+2.png.w50.avif", "image/avif"),
        ("variants/写真 1+2.png.w50.avif.jpg", "image/jpeg"),
        ("variants/写真 1+2.png.w50.avif.webp", "image/webp"),
    ];
    let manifest: Value =
        serde_json::from_slice(&deployment.read("photos", "variants/写真 1+2.png.avif.json").await).unwrap();
    let listed = manifest["variants"].as_array().unwrap();
    assert_eq!(listed.len(), expected.len());
    for (key, media_type) in expected {
        let head = deployment.s3.head_object().bucket("photos").key(key).send().await.unwrap();
        assert_eq!(head.content_type.as_deref(), Some(media_type), "{key}");
        let variant = listed.iter().find(|variant| variant["key"] == key).unwrap();
        assert_eq!((variant["type"].as_str(), variant["score"].is_number()), (Some(media_type), true), "{key}");
        let format = image::guess_format(&deployment.read("photos", key).await).unwrap();
        assert_eq!(format.to_mime_type(), media_type, "{key}");
    }
    assert_eq!((&manifest["manifest_version"], &manifest["source"]["alpha"]), (&2.into(), &false.into()));
    let thumbhash = manifest["placeholder"]["thumbhash"].as_str().unwrap();
    assert!(thumbhash.len() >= 20 && manifest["placeholder"]["color"].as_str().unwrap().len() == 7, "{manifest}");
}

#[tokio::test]
async fn fallback_is_stored_although_it_is_larger_than_a_source_that_its_clients_do_not_show() {
    // A lossless WebP of one color is much smaller than any JPEG.
    let mut webp = std::io::Cursor::new(vec![]);
    image::RgbImage::new(64, 64).write_to(&mut webp, ImageFormat::WebP).unwrap();
    let mut png = std::io::Cursor::new(vec![]);
    image::RgbImage::new(64, 64).write_to(&mut png, ImageFormat::Png).unwrap();
    for (key, file, expected) in
        [("a.webp", webp, VariantStatus::Stored), ("a.png", png, VariantStatus::LargerThanSource)]
    {
        let mut deployment = Deployment::with_events(&SETTINGS).await;
        let report = deployment.put_and_get_report(key, file.get_ref()).await;
        let variants = converted_variants(&report);
        let jpeg = variants.iter().find(|variant| variant.format == OutputFormat::Jpeg).unwrap();
        assert_eq!(jpeg.status, expected, "{key}: {variants:?}");
    }
}
