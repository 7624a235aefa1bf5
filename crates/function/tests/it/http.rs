//! HTTP requests: the forms, the formats, the headers and the errors.

use emulator::{Call, InjectedResponse};
use image::ImageFormat;
use serde_json::Value;

use crate::deployment::{Deployment, image};
use crate::http_client::{BROWSER, Response, fetch, request, send};

pub(crate) const SETTINGS: [(&str, &str); 6] = [
    ("AVIF_SERVE_PREFIXES", "photos/"),
    ("AVIF_SERVE_BUCKET", "photos"),
    ("AVIF_OUTPUT_BUCKET", "cdn"),
    ("AVIF_FORMATS", "avif,webp,jpeg"),
    ("AVIF_SIZES", "full,60"),
    ("AVIF_KEEP_LARGER", "true"),
];
const SOURCE: &str = "photos/a.png";

/// Starts a function that serves, with one source. The calls of the function are recorded.
pub(crate) async fn deploy(settings: &[(&str, &str)]) -> Deployment {
    let mut deployment = Deployment::without_events(&[&SETTINGS[..], settings].concat()).await;
    deployment.put_source(SOURCE, &image(ImageFormat::Png, 120, 80)).await;
    deployment.server.record_calls();
    deployment
}

/// Returns the operations of these calls, sorted.
pub(crate) fn operations(calls: &[Call]) -> Vec<&str> {
    let mut operations: Vec<_> = calls.iter().map(|call| call.operation).collect();
    operations.sort_unstable();
    operations
}

fn assert_is_safe(response: &Response) {
    assert_eq!(response.header("x-content-type-options"), "nosniff");
    assert!(response.header("content-security-policy").starts_with("default-src 'none'"), "{response:?}");
    assert!(response.header("content-security-policy").contains("sandbox"), "{response:?}");
}

#[tokio::test]
async fn missing_variant_is_converted_stored_and_then_read() {
    let deployment = deploy(&[]).await;
    let first = deployment.get("/photos/a.png.w60.avif", &[]).await;
    assert_eq!((first.status, first.header("content-type")), (200, "image/avif"));
    assert_is_safe(&first);
    assert_eq!(first.header("content-disposition"), "inline; filename=\"a.png.w60.avif\"");
    assert_eq!(first.header("cache-control"), "public, max-age=3600");
    assert_eq!(first.header("vary"), "", "the Accept header has no effect");
    let size = avif::decode(&first.body, 1 << 20).unwrap().image.shape();
    assert_eq!((size.width, size.height), (60, 40));
    assert_eq!(deployment.list_keys("cdn").await, ["photos/a.png.w60.avif"], "only the requested variant is stored");
    let stored = deployment.s3.get_object().bucket("cdn").key("photos/a.png.w60.avif").send().await.unwrap();
    assert_eq!(
        (stored.e_tag.as_deref(), stored.content_type.as_deref()),
        (Some(first.header("etag")), Some("image/avif"))
    );
    assert_eq!(stored.body.collect().await.unwrap().to_vec(), first.body);

    let calls = deployment.server.take_calls();
    assert_eq!(calls.iter().filter(|call| call.operation == "PutObject").count(), 1);
    let second = deployment.get("/photos/a.png.w60.avif", &[]).await;
    assert_eq!(second, first);
    // The variant, the manifest and the source are looked up, and the variant is read.
    assert_eq!(operations(&deployment.server.take_calls()), ["GetObject", "HeadObject", "HeadObject", "HeadObject"]);
}

#[tokio::test]
async fn accept_header_and_width_select_the_variant_of_a_source() {
    let deployment = deploy(&[]).await;
    for (accept, media_type, suffix) in [
        ("image/avif,image/webp,*/*", "image/avif", ".avif"),
        ("image/webp,*/*", "image/webp", ".avif.webp"),
        ("*/*", "image/jpeg", ".avif.jpg"),
    ] {
        for (query, size, width) in [("", "", 120), ("?width=50", ".w60", 60), ("?size=60", ".w60", 60)] {
            let response = deployment.get(&format!("/{SOURCE}{query}"), &[("accept", accept)]).await;
            assert_eq!((response.status, response.header("content-type")), (200, media_type), "{response:?}");
            assert_eq!(response.header("vary"), "Accept");
            let stored = deployment.read("cdn", &format!("{SOURCE}{size}{suffix}")).await;
            assert_eq!(stored, response.body);
            let decoded_width = match media_type {
                "image/avif" => avif::decode(&stored, 1 << 20).unwrap().image.shape().width,
                _ => image::load_from_memory(&stored).unwrap().width(),
            };
            assert_eq!(decoded_width, width, "{query}");
        }
    }
    assert_eq!(deployment.list_keys("cdn").await.len(), 6);
}

#[tokio::test]
async fn client_without_avif_is_redirected_to_the_source_or_gets_406() {
    let mut deployment = deploy(&[("AVIF_FORMATS", "avif")]).await;
    let response = deployment.get("/photos/a.png?width=60", &[("accept", "image/webp,*/*")]).await;
    assert_eq!((response.status, response.header("cache-control")), (302, "no-store"));
    assert_eq!(response.header("vary"), "Accept");
    assert_is_safe(&response);
    assert_eq!(fetch(response.header("location")).await, (200, image(ImageFormat::Png, 120, 80)));

    deployment.put_source("photos/a.bmp", &image(ImageFormat::Bmp, 20, 20)).await;
    let response = deployment.get("/photos/a.bmp", &[]).await;
    assert_eq!((response.status, response.header("vary")), (406, "Accept"));
    assert!(response.error().contains("no format that the Accept header allows"), "{}", response.error());
    let response = deployment.get("/photos/gone.png", &[]).await;
    assert_eq!((response.status, response.header("cache-control")), (404, "public, max-age=10"));
    assert_eq!(deployment.list_keys("cdn").await, [""; 0]);
}

#[tokio::test]
async fn head_has_the_headers_of_get() {
    let deployment = deploy(&[]).await;
    let head = send(&deployment.lambda, request("HEAD", "/photos/a.png", &[BROWSER])).await;
    let get = deployment.get("/photos/a.png", &[BROWSER]).await;
    assert_eq!((head.status, &head.headers, head.body.len()), (200, &get.headers, 0));
    assert!(!get.body.is_empty());
    let _ = deployment.server.take_calls();
    let head = send(&deployment.lambda, request("HEAD", "/photos/a.png", &[BROWSER])).await;
    assert_eq!(head.headers, get.headers);
    assert!(!operations(&deployment.server.take_calls()).contains(&"GetObject"), "the content is not read");
    let head = send(&deployment.lambda, request("HEAD", "/photos/a.png?width=x", &[BROWSER])).await;
    assert_eq!((head.status, head.body.len()), (400, 0));
}

#[tokio::test]
async fn client_that_has_the_variant_gets_304() {
    let deployment = deploy(&[("AVIF_CACHE_CONTROL", "public, max-age=5")]).await;
    let etag = deployment.get("/photos/a.png", &[BROWSER]).await.header("etag").to_owned();
    let _ = deployment.server.take_calls();
    for list in [etag.clone(), format!("\"other\", W/{etag}"), "*".into()] {
        let response = deployment.get("/photos/a.png", &[BROWSER, ("if-none-match", &list)]).await;
        assert_eq!((response.status, response.body.len(), response.header("etag")), (304, 0, etag.as_str()), "{list}");
        assert_eq!((response.header("cache-control"), response.header("vary")), ("public, max-age=5", "Accept"));
    }
    assert!(!operations(&deployment.server.take_calls()).contains(&"GetObject"), "the content is not read");
    let response = deployment.get("/photos/a.png", &[BROWSER, ("if-none-match", "\"other\"")]).await;
    assert_eq!(response.status, 200);
}

#[tokio::test]
async fn without_settings_every_request_is_404() {
    let deployment = Deployment::without_events(&[]).await;
    deployment.server.record_calls();
    for method in ["GET", "HEAD", "POST"] {
        for path in ["/photos/a.png", "/photos/a.png.avif", "/%zz", "/photos/a.png?width=x"] {
            assert_eq!(
                send(&deployment.lambda, request(method, path, &[BROWSER])).await.status,
                404,
                "{method} {path}"
            );
        }
    }
    assert_eq!(deployment.server.take_calls(), []);
}

#[tokio::test]
async fn requests_that_are_not_served_cause_no_request_to_s3() {
    let rules = r#"[{"prefix": "photos/private/", "skip": true}]"#;
    let deployment = deploy(&[("AVIF_RULES", rules)]).await;
    for (method, target, status, words) in [
        ("GET", "/photos/private/a.png", 404, "no image"),
        ("GET", "/photos/private/a.png.avif", 404, "no image"),
        ("GET", "/drafts/a.png", 404, "no image"),
        ("GET", "/photos/a.png.avif.json", 404, "no image"),
        ("GET", "/photos/a.png.w61.avif", 404, "no image"),
        ("GET", "/photos/", 404, "no image"),
        ("GET", "/photos/../drafts/a.png", 400, "percent-encoded key"),
        ("GET", "/photos/a.png?width=0", 400, "size= with one of: full, 60"),
        ("GET", "/photos/a.png.avif?width=60", 400, "no parameters"),
        ("POST", "/photos/a.png", 405, "only GET and HEAD"),
        ("OPTIONS", "/photos/a.png", 405, "only GET and HEAD"),
    ] {
        let response = send(&deployment.lambda, request(method, target, &[BROWSER])).await;
        assert_eq!(response.status, status, "{method} {target}");
        assert!(response.error().contains(words), "{target}: {}", response.error());
        assert_eq!(response.header("allow"), if status == 405 { "GET, HEAD" } else { "" });
        assert_eq!(response.header("cache-control") == "no-store", status != 404, "{target}");
        assert_is_safe(&response);
    }
    assert_eq!(deployment.server.take_calls(), []);
}

#[tokio::test]
async fn missing_source_is_404_and_broken_source_is_415_with_the_reason() {
    let mut deployment = deploy(&[]).await;
    let response = deployment.get("/photos/gone.png", &[BROWSER]).await;
    assert_eq!((response.status, response.header("cache-control")), (404, "public, max-age=10"));
    deployment.put_source("photos/text.png", b"<script>alert(1)</script>").await;
    let response = deployment.get("/photos/text.png", &[BROWSER]).await;
    assert_eq!((response.status, response.header("cache-control")), (415, "public, max-age=10"));
    assert_eq!(response.header("vary"), "Accept");
    let error = response.error();
    assert!(error.starts_with("the image cannot be converted: ") && error.contains("format"), "{error}");
    assert_eq!(deployment.list_keys("cdn").await, [""; 0]);
}

#[tokio::test]
async fn failure_that_a_retry_may_remove_is_503() {
    let deployment = deploy(&[]).await;
    for (operation, key) in [("HeadObject", "a.png"), ("GetObject", "a.png"), ("PutObject", ".avif")] {
        deployment.faults.inject(vec![InjectedResponse::new(operation, key, 500, "InternalError")]);
        let response = deployment.get("/photos/a.png", &[BROWSER]).await;
        assert_eq!((response.status, response.header("retry-after")), (503, "5"), "{operation}");
        assert_eq!(response.header("cache-control"), "no-store");
        let error = response.error();
        assert!(!error.contains("photos") && !error.contains("InternalError"), "{error}");
    }
    deployment.faults.inject(vec![]);
    assert_eq!(deployment.get("/photos/a.png", &[BROWSER]).await.status, 200);
}

#[tokio::test]
async fn object_of_somebody_else_is_neither_served_nor_replaced() {
    let deployment = deploy(&[]).await;
    let key = "photos/a.png.avif";
    deployment.s3.put_object().bucket("cdn").key(key).body(b"mine".to_vec().into()).send().await.unwrap();
    let response = deployment.get("/photos/a.png.avif", &[]).await;
    assert_eq!((response.status, response.error().contains("cdn")), (415, false), "{}", response.error());
    assert_eq!(deployment.read("cdn", key).await, b"mine");
}

#[tokio::test]
async fn request_of_an_http_api_is_answered() {
    let mut deployment = deploy(&[]).await;
    deployment.put_source("photos/100% 写真.png", &image(ImageFormat::Png, 30, 20)).await;
    let mut event = request("GET", "/live/photos/100% 写真.png", &[BROWSER]);
    event["requestContext"]["domainName"] = "abc.execute-api.us-east-1.amazonaws.com".into();
    event["requestContext"]["stage"] = "live".into();
    let response = send(&deployment.lambda, event).await;
    assert_eq!(response.status, 200);
    assert_eq!(deployment.list_keys("cdn").await, ["photos/100% 写真.png.avif"]);
}

#[tokio::test]
async fn each_request_has_a_log_line_with_the_report_of_its_conversion() {
    let mut deployment = deploy(&[]).await;
    for (target, status) in
        [("/photos/a.png", 200), ("/photos/a.png", 200), ("/photos/gone.png", 404), ("/drafts/%0a", 400)]
    {
        assert_eq!(deployment.get(target, &[BROWSER]).await.status, status, "{target}");
    }
    let lines = deployment.take_log_lines().into_iter().filter_map(|line| serde_json::from_str::<Value>(&line).ok());
    let lines: Vec<Value> = lines.filter(|line| line.get("request").is_some()).collect();
    let statuses: Vec<_> = lines.iter().map(|line| line["request"]["status"].as_u64().unwrap()).collect();
    assert_eq!(statuses, [200, 200, 404, 400]);
    assert_eq!(lines[0]["request"]["at"]["key"], "photos/a.png.avif");
    assert_eq!(lines[0]["report"]["outcome"], "converted");
    assert!(lines[0]["request"]["ms"].as_f64().unwrap() > 0.0 && lines[0]["request_id"].is_string());
    assert!(lines[1..].iter().all(|line| line.get("report").is_none()), "{lines:?}");
    assert_eq!(lines[3]["request"]["at"], Value::Null);
}
