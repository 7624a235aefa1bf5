use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};

use aws_sdk_s3::error::ProvideErrorMetadata;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{CompletedMultipartUpload, CompletedPart, Delete, EncodingType, ObjectIdentifier};
use emulator::{S3, SECRET_KEY, Settings, load_or_create_secret_key};
use serde_json::Value;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc::UnboundedReceiver;

pub(crate) struct Bucket {
    folder: TempDir,
    pub(crate) s3: S3,
    notifications: UnboundedReceiver<Value>,
}

impl Bucket {
    pub(crate) async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let buckets = vec!["photos".to_owned()];
        let settings = Settings {
            address: ([127, 0, 0, 1], 0).into(),
            folder: folder.path().to_owned(),
            secret: SECRET_KEY.into(),
            buckets,
        };
        let (s3, notifications) = S3::start(settings).await.unwrap();
        Self { folder, s3, notifications }
    }

    /// Returns the event name, key, ETag and size of the next notification.
    fn next_notification(&mut self) -> (String, String, Option<String>, Option<u64>) {
        let record = self.notifications.try_recv().unwrap()["Records"][0].take();
        let object = &record["s3"]["object"];
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let (name, key) = (text(&record["eventName"]).unwrap(), text(&object["key"]).unwrap());
        (name, key, text(&object["eTag"]), object["size"].as_u64())
    }
}

#[tokio::test]
async fn put_stores_the_object_and_sends_a_notification() {
    let mut bucket = Bucket::new().await;
    let client = bucket.s3.client(SECRET_KEY);
    let key = "写真 1+2%.jpg";
    let put = client.put_object().bucket("photos").key(key).content_type("image/jpeg").cache_control("max-age=9");
    let put = put.metadata("provenance", "1").body(ByteStream::from_static(b"12345")).send().await.unwrap();
    let etag = put.e_tag.unwrap().trim_matches('"').to_owned();
    let expected = ("ObjectCreated:Put".into(), "%E5%86%99%E7%9C%9F+1%2B2%25.jpg".into(), Some(etag), Some(5));
    assert_eq!(bucket.next_notification(), expected);
    let head = client.head_object().bucket("photos").key(key).send().await.unwrap();
    assert_eq!((head.content_type.as_deref(), head.cache_control.as_deref()), (Some("image/jpeg"), Some("max-age=9")));
    assert_eq!(head.metadata.unwrap()["provenance"], "1");
    let object = client.get_object().bucket("photos").key(key).send().await.unwrap();
    assert_eq!(object.body.collect().await.unwrap().into_bytes(), "12345");
    assert_eq!(fs::read(bucket.folder.path().join("photos").join(key)).unwrap(), b"12345");
}

#[tokio::test]
async fn copy_multipart_upload_and_deletion_each_send_one_notification() {
    let mut bucket = Bucket::new().await;
    let client = bucket.s3.client(SECRET_KEY);
    client.put_object().bucket("photos").key("a.jpg").body(ByteStream::from_static(b"a")).send().await.unwrap();
    bucket.next_notification();

    client.copy_object().bucket("photos").key("b.jpg").copy_source("photos/a.jpg").send().await.unwrap();
    let (name, key, etag, size) = bucket.next_notification();
    assert_eq!((name.as_str(), key.as_str(), size), ("ObjectCreated:Copy", "b.jpg", Some(1)));
    assert!(etag.is_some());

    let upload =
        client.create_multipart_upload().bucket("photos").key("c.jpg").send().await.unwrap().upload_id.unwrap();
    let part = client.upload_part().bucket("photos").key("c.jpg").upload_id(&upload).part_number(1);
    let part = part.body(ByteStream::from_static(b"ccc")).send().await.unwrap();
    let parts = CompletedPart::builder().part_number(1).set_e_tag(part.e_tag).build();
    let parts = CompletedMultipartUpload::builder().parts(parts).build();
    let complete = client.complete_multipart_upload().bucket("photos").key("c.jpg").upload_id(upload);
    complete.multipart_upload(parts).send().await.unwrap();
    let (name, key, etag, size) = bucket.next_notification();
    assert_eq!((name.as_str(), key.as_str(), size), ("ObjectCreated:CompleteMultipartUpload", "c.jpg", Some(3)));
    assert!(etag.is_some());

    client.delete_object().bucket("photos").key("a.jpg").send().await.unwrap();
    assert_eq!(bucket.next_notification(), ("ObjectRemoved:Delete".into(), "a.jpg".into(), None, None));

    client.list_objects_v2().bucket("photos").send().await.unwrap();
    assert!(bucket.notifications.try_recv().is_err(), "a listing sends no notification");
}

#[tokio::test]
async fn failed_requests_send_no_notification() {
    let mut bucket = Bucket::new().await;
    let client = bucket.s3.client("another secret");
    let put = client.put_object().bucket("photos").key("a.jpg").body(ByteStream::from_static(b"a")).send();
    assert_eq!(put.await.unwrap_err().code(), Some("SignatureDoesNotMatch"));
    let client = bucket.s3.client(SECRET_KEY);
    let get = client.get_object().bucket("photos").key("a.jpg").send().await;
    assert!(get.unwrap_err().into_service_error().is_no_such_key());
    let put = client.put_object().bucket("missing").key("a.jpg").body(ByteStream::from_static(b"a")).send();
    assert_eq!(put.await.unwrap_err().code(), Some("NoSuchBucket"));
    assert!(bucket.notifications.try_recv().is_err());
}

/// The AWS SDK for Rust does not decode keys, so this test sees the encoded keys. boto3 and the AWS CLI request this
/// encoding in every listing.
#[tokio::test]
async fn listing_is_form_encoded_if_the_client_requests_it() {
    let bucket = Bucket::new().await;
    let client = bucket.s3.client(SECRET_KEY);
    for key in ["a b/x+y%41.jpg", "a b/写真 (1)~.jpg", "a b/c+d/1.jpg", "a b/*.jpg"] {
        client.put_object().bucket("photos").key(key).body(ByteStream::from_static(b"a")).send().await.unwrap();
    }
    let encoded = ["a+b/*.jpg", "a+b/x%2By%2541.jpg", "a+b/%E5%86%99%E7%9C%9F+%281%29%7E.jpg"];

    let list = client.list_objects_v2().bucket("photos").prefix("a b/").delimiter("/").start_after("a b/%");
    let plain = list.clone().send().await.unwrap();
    assert_eq!((plain.encoding_type(), plain.prefix(), plain.start_after()), (None, Some("a b/"), Some("a b/%")));
    assert_eq!(plain.contents()[1].key(), Some("a b/x+y%41.jpg"));
    let url = list.encoding_type(EncodingType::Url).send().await.unwrap();
    assert_eq!(url.contents().iter().filter_map(|object| object.key()).collect::<Vec<_>>(), encoded);
    assert_eq!(url.common_prefixes()[0].prefix(), Some("a+b/c%2Bd/"));
    assert_eq!((url.encoding_type(), url.prefix()), (Some(&EncodingType::Url), Some("a+b/")));
    assert_eq!((url.delimiter(), url.start_after()), (Some("/"), Some("a+b/%25")));

    let list = client.list_objects().bucket("photos").prefix("a b/").delimiter("+").marker("a b/%").max_keys(1);
    let plain = list.clone().send().await.unwrap();
    assert_eq!((plain.encoding_type(), plain.marker(), plain.next_marker()), (None, Some("a b/%"), Some("a b/*.jpg")));
    let url = list.encoding_type(EncodingType::Url).send().await.unwrap();
    assert_eq!((url.encoding_type(), url.contents()[0].key()), (Some(&EncodingType::Url), Some("a+b/*.jpg")));
    assert_eq!((url.prefix(), url.delimiter()), (Some("a+b/"), Some("%2B")));
    assert_eq!((url.marker(), url.next_marker()), (Some("a+b/%25"), Some("a+b/*.jpg")));
}

#[tokio::test]
async fn listing_in_an_unknown_encoding_is_rejected() {
    let bucket = Bucket::new().await;
    let client = bucket.s3.client(SECRET_KEY);
    let list = client.list_objects_v2().bucket("photos").encoding_type(EncodingType::from("base64")).send().await;
    assert_eq!(list.unwrap_err().code(), Some("InvalidArgument"));
    let list = client.list_objects().bucket("photos").encoding_type(EncodingType::from("base64")).send().await;
    assert_eq!(list.unwrap_err().code(), Some("InvalidArgument"));
}

/// Sends the text of a request. Returns the text of the response.
async fn send_raw(bucket: &Bucket, request: &str) -> String {
    let address = bucket.s3.endpoint_url();
    let mut connection = TcpStream::connect(address.trim_start_matches("http://")).await.unwrap();
    connection.write_all(request.as_bytes()).await.unwrap();
    let mut response = String::new();
    connection.read_to_string(&mut response).await.unwrap();
    response
}

#[tokio::test]
async fn request_from_a_web_page_is_rejected_before_its_signature_is_checked() {
    let bucket = Bucket::new().await;
    let endpoint = bucket.s3.endpoint_url();
    let host = endpoint.trim_start_matches("http://");
    let port = host.rsplit(':').next().unwrap();
    for (headers, message) in [
        (format!("host: evil.example:{port}"), format!("evil.example:{port}")),
        (format!("host: {host}\r\norigin: http://evil.example"), "a web page of".into()),
        (format!("host: {host}\r\ncontent-type: multipart/form-data; boundary=a"), "HTML forms".into()),
    ] {
        let response =
            send_raw(&bucket, &format!("POST /photos HTTP/1.1\r\n{headers}\r\nconnection: close\r\n\r\n")).await;
        assert!(response.starts_with("HTTP/1.1 403"), "{response}");
        assert!(response.contains("<Code>AccessDenied</Code>") && response.contains(&message), "{response}");
    }
    let response =
        send_raw(&bucket, &format!("GET /photos HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n")).await;
    assert!(response.contains("Signature is required"), "{response}");
}

#[tokio::test]
async fn key_that_leads_out_of_its_buckets_folder_is_rejected() {
    let mut bucket = Bucket::new().await;
    let client = bucket.s3.client(SECRET_KEY);
    let folder = bucket.folder.path().to_owned();
    fs::create_dir(folder.join("other")).unwrap();
    fs::write(folder.join("other/secret.txt"), "secret").unwrap();
    symlink("../other", folder.join("photos/link")).unwrap();
    symlink("../other/secret.txt", folder.join("photos/file.txt")).unwrap();
    symlink("../other/none.txt", folder.join("photos/dangling.txt")).unwrap();
    client.put_object().bucket("photos").key("a.jpg").body(ByteStream::from_static(b"a")).send().await.unwrap();
    bucket.next_notification();
    let keys = [
        "../other/secret.txt",
        "a/../../other/secret.txt",
        "./a.jpg",
        "link/secret.txt",
        "link/new/b.txt",
        "file.txt",
        "dangling.txt",
        "a\0b",
    ];
    for key in keys {
        let put = client.put_object().bucket("photos").key(key).body(ByteStream::from_static(b"b")).send().await;
        assert_eq!(put.unwrap_err().code(), Some("InvalidArgument"), "PUT {key}");
        let get = client.get_object().bucket("photos").key(key).send().await;
        assert_eq!(get.unwrap_err().code(), Some("InvalidArgument"), "GET {key}");
        let delete = client.delete_object().bucket("photos").key(key).send().await;
        assert_eq!(delete.unwrap_err().code(), Some("InvalidArgument"), "DELETE {key}");
        let upload = client.create_multipart_upload().bucket("photos").key(key).send().await;
        assert_eq!(upload.unwrap_err().code(), Some("InvalidArgument"), "an upload to {key}");
        if key.contains('\0') {
            continue;
        }
        let to = client.copy_object().bucket("photos").key(key).copy_source("photos/a.jpg").send().await;
        assert_eq!(to.unwrap_err().code(), Some("InvalidArgument"), "a copy to {key}");
        let source = format!("photos/{}", key.replace('.', "%2E"));
        let from = client.copy_object().bucket("photos").key("b.jpg").copy_source(source).send().await;
        assert_eq!(from.unwrap_err().code(), Some("InvalidArgument"), "a copy of {key}");
        let delete = Delete::builder().objects(ObjectIdentifier::builder().key(key).build().unwrap()).build().unwrap();
        let delete = client.delete_objects().bucket("photos").delete(delete).send().await;
        assert_eq!(delete.unwrap_err().code(), Some("InvalidArgument"), "DELETE of several, {key}");
    }
    assert_eq!(fs::read_to_string(folder.join("other/secret.txt")).unwrap(), "secret");
    assert!(!folder.join("other/new").exists() && !folder.join("photos/b.jpg").exists());
    assert!(bucket.notifications.try_recv().is_err());
    // A symbolic link within the bucket's folder is allowed.
    symlink("a.jpg", bucket.folder.path().join("photos/within.jpg")).unwrap();
    assert!(client.get_object().bucket("photos").key("within.jpg").send().await.is_ok());
    assert!(
        client
            .get_object()
            .bucket("photos")
            .key("..a/b..jpg")
            .send()
            .await
            .unwrap_err()
            .into_service_error()
            .is_no_such_key()
    );
}

#[tokio::test]
async fn each_folder_has_its_own_secret_key_that_only_its_owner_can_read() {
    let [one, other] = [0, 1].map(|_| tempfile::tempdir().unwrap());
    let secret = load_or_create_secret_key(one.path()).unwrap();
    assert_eq!(load_or_create_secret_key(one.path()).unwrap(), secret, "the second call reads the file");
    assert_ne!(load_or_create_secret_key(other.path()).unwrap(), secret);
    let file = one.path().join(".secret-key");
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    fs::write(&file, "short").unwrap();
    assert!(load_or_create_secret_key(one.path()).unwrap_err().to_string().contains("delete it"));
    // The server accepts only this secret key.
    let settings = Settings {
        address: ([127, 0, 0, 1], 0).into(),
        folder: one.path().to_owned(),
        secret: secret.clone(),
        buckets: vec!["photos".into()],
    };
    let (s3, _notifications) = S3::start(settings).await.unwrap();
    assert_eq!(s3.environment()["AWS_SECRET_ACCESS_KEY"], secret);
    let list = |secret: &str| s3.client(secret).list_objects_v2().bucket("photos").send();
    assert!(list(&secret).await.is_ok());
    assert_eq!(list(SECRET_KEY).await.unwrap_err().code(), Some("SignatureDoesNotMatch"));
}
