//! HTTP requests that are answered with a redirect, because the variant is too large.

use image::{ImageFormat, Rgb, RgbImage};

use crate::deployment::{Deployment, image};
use crate::event_order::event;
use crate::http::{deploy, operations};
use crate::http_client::{BROWSER, fetch};

/// Returns a PNG of noise. Its variants without loss have about 3 bytes per pixel.
fn noise(width: u32, height: u32) -> Vec<u8> {
    let mut random = fastrand::Rng::with_seed(1);
    let image = RgbImage::from_fn(width, height, |_, _| Rgb([random.u8(..), random.u8(..), random.u8(..)]));
    let mut file = std::io::Cursor::new(vec![]);
    image.write_to(&mut file, ImageFormat::Png).unwrap();
    file.into_inner()
}

#[tokio::test]
async fn variant_over_the_limit_of_a_response_is_a_redirect() {
    let mut deployment = deploy(&[("AVIF_QUALITY", "100"), ("AVIF_FORMATS", "avif")]).await;
    deployment.put_source("photos/写 真.png", &noise(1400, 1200)).await;
    let path = "/photos/%E5%86%99%20%E7%9C%9F.png";
    let direct = deployment.get(path, &[BROWSER]).await;
    assert_eq!((direct.status, direct.header("cache-control"), direct.body.len()), (302, "no-store", 0));
    let stored = deployment.read("cdn", "photos/写 真.png.avif").await;
    assert!(stored.len() > 4_500_000, "{}", stored.len());
    assert_eq!(fetch(direct.header("location")).await, (200, stored));
    let _ = deployment.server.take_calls();
    let behind_cdn = deployment.get(path, &[BROWSER, ("x-amz-cf-id", "id")]).await;
    assert_eq!((behind_cdn.status, behind_cdn.header("location")), (302, format!("{path}.avif").as_str()));
    assert!(!operations(&deployment.server.take_calls()).contains(&"GetObject"), "the content is not read");
}

#[tokio::test]
async fn variant_larger_than_its_source_is_a_redirect_to_the_source() {
    let mut dot = std::io::Cursor::new(vec![]);
    RgbImage::new(8, 8).write_to(&mut dot, ImageFormat::Png).unwrap();
    let mut deployment = deploy(&[("AVIF_KEEP_LARGER", "false"), ("AVIF_FORMATS", "avif")]).await;
    let etag = deployment.put_source("photos/dot.png", dot.get_ref()).await;
    let is_converted = async |deployment: &mut Deployment| {
        let response = deployment.get("/photos/dot.png.w60.avif", &[]).await;
        assert_eq!((response.status, response.header("cache-control")), (302, "public, max-age=60"));
        assert_eq!(&fetch(response.header("location")).await, &(200, dot.get_ref().clone()));
        deployment.take_report_lines().len() == 1
    };
    assert!(is_converted(&mut deployment).await);
    // The manifest records that the variant is omitted, so that no conversion is necessary.
    let created = event("photos/dot.png", Some(&etag), "01");
    assert_eq!(deployment.send_event(created).await.0, "converted");
    assert_eq!(deployment.list_keys("cdn").await, ["photos/dot.png.avif.json"]);
    deployment.take_log_lines();
    assert!(!is_converted(&mut deployment).await);

    // Not all browsers show a BMP, so the client gets the variant, which is not stored.
    deployment.put_source("photos/dot.bmp", &image(ImageFormat::Bmp, 1, 1)).await;
    let response = deployment.get("/photos/dot.bmp.avif", &[]).await;
    assert_eq!((response.status, response.header("content-type"), response.header("etag")), (200, "image/avif", ""));
    assert_eq!(response.header("cache-control"), "public, max-age=10");
    avif::decode(&response.body, 1 << 20).unwrap();
    assert_eq!(deployment.list_keys("cdn").await, ["photos/dot.png.avif.json"]);
}
