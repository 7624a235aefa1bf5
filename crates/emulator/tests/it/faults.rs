//! Tests conditional requests, injected faults and the record of calls.

use aws_sdk_s3::Client;
use aws_sdk_s3::config::Credentials;
use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::primitives::ByteStream;
use emulator::{ACCESS_KEY, Endpoint, FaultRates, Faults, SECRET_KEY};
use tokio::sync::mpsc::UnboundedReceiver;

use crate::s3::Bucket;

struct Server {
    bucket: Bucket,
    client: Client,
}

impl Server {
    async fn new() -> Self {
        let bucket = Bucket::new().await;
        let client = bucket.s3.client(SECRET_KEY);
        Self { bucket, client }
    }

    async fn put(&self, key: &str, text: &'static str) -> String {
        let put = self.client.put_object().bucket("photos").key(key).body(ByteStream::from_static(text.as_bytes()));
        put.send().await.unwrap().e_tag.unwrap()
    }

    /// Creates a client of an endpoint with these fault rates. The client does not retry.
    async fn client_with_faults(&self, rates: FaultRates) -> (Client, Endpoint, UnboundedReceiver<()>, Faults) {
        let faults = Faults::new(7, rates);
        let (endpoint, kills) = self.bucket.s3.open_endpoint(faults.clone()).await.unwrap();
        let credentials = Credentials::new(ACCESS_KEY, SECRET_KEY, None, None, "test");
        let config = self.client.config().to_builder();
        let config = config.endpoint_url(endpoint.url()).credentials_provider(credentials);
        let client = Client::from_conf(config.retry_config(RetryConfig::disabled()).build());
        (client, endpoint, kills, faults)
    }
}

fn status<E>(result: Result<impl std::fmt::Debug, SdkError<E>>) -> u16 {
    result.err().unwrap().raw_response().map_or(0, |response| response.status().as_u16())
}

#[tokio::test]
async fn unmet_condition_rejects_reads_writes_and_deletions() {
    let server = Server::new().await;
    let (client, old) = (&server.client, server.put("a", "old").await);
    let new = server.put("a", "new").await;
    let get = |etag: &str| client.get_object().bucket("photos").key("a").if_match(etag).send();
    let head = |etag: &str| client.head_object().bucket("photos").key("a").if_match(etag).send();
    let put = |key: &str| client.put_object().bucket("photos").key(key).body(ByteStream::from_static(b"x"));
    let delete = |key: &str, etag: &str| client.delete_object().bucket("photos").key(key).if_match(etag).send();
    assert_eq!((status(get(&old).await), status(head(&old).await)), (412, 412));
    assert!(get(&new).await.is_ok() && head(&new).await.is_ok());
    assert_eq!(status(client.head_object().bucket("photos").key("a").if_none_match(&new).send().await), 304);
    assert_eq!(status(put("a").if_none_match("*").send().await), 412);
    assert_eq!(status(put("a").if_match(&old).send().await), 412);
    assert_eq!(status(put("gone").if_match(&old).send().await), 404);
    assert_eq!((status(delete("a", &old).await), status(delete("gone", &old).await)), (412, 404));
    assert!(delete("a", &new).await.is_ok());
    assert!(put("a").if_none_match("*").send().await.is_ok());
}

#[tokio::test]
async fn one_of_concurrent_conditional_writes_succeeds() {
    let server = Server::new().await;
    let put = || server.client.put_object().bucket("photos").key("a").if_none_match("*");
    let writers = (0..16).map(|_| put().body(ByteStream::from_static(b"x")).send());
    let succeeded = futures_util::future::join_all(writers).await.into_iter().flatten().count();
    assert_eq!(succeeded, 1);
    server.bucket.s3.ignore_conditions();
    assert!(put().body(ByteStream::from_static(b"y")).send().await.is_ok());
}

#[tokio::test]
async fn unavailable_prevents_a_write_and_response_lost_does_not() {
    let server = Server::new().await;
    let put = |client: &Client, key: &str| {
        client.put_object().bucket("photos").key(key).body(ByteStream::from_static(b"x")).send()
    };
    let exists = async |key: &str| server.client.head_object().bucket("photos").key(key).send().await.is_ok();
    let (client, _endpoint, _, faults) =
        server.client_with_faults(FaultRates { unavailable: 1000, ..FaultRates::default() }).await;
    assert!(put(&client, "unavailable").await.is_err() && !exists("unavailable").await);
    faults.pause();
    assert!(put(&client, "paused").await.is_ok());
    assert_eq!(faults.counts(), [("unavailable", 1)].into());
    let (client, _endpoint, _, _) =
        server.client_with_faults(FaultRates { response_lost: 1000, ..FaultRates::default() }).await;
    assert!(put(&client, "lost").await.is_err() && exists("lost").await);
    let (client, _endpoint, _, _) =
        server.client_with_faults(FaultRates { conflict: 1000, ..FaultRates::default() }).await;
    let put = client.put_object().bucket("photos").key("b").if_none_match("*").body(ByteStream::from_static(b"x"));
    assert_eq!(put.send().await.unwrap_err().code(), Some("ConditionalRequestConflict"));
}

#[tokio::test]
async fn truncated_or_corrupted_body_is_detected_by_the_client() {
    let server = Server::new().await;
    server.put("a", "some bytes").await;
    for rates in [
        FaultRates { truncated: 1000, ..FaultRates::default() },
        FaultRates { corrupted: 1000, ..FaultRates::default() },
    ] {
        let (client, _endpoint, _, _) = server.client_with_faults(rates).await;
        let got = client.get_object().bucket("photos").key("a").send().await.unwrap();
        assert!(got.body.collect().await.is_err(), "{rates:?}");
    }
}

#[tokio::test]
async fn request_of_a_killed_client_gets_no_response() {
    let server = Server::new().await;
    let (client, _endpoint, mut kills, _) =
        server.client_with_faults(FaultRates { killed: 1000, ..FaultRates::default() }).await;
    let put = client.put_object().bucket("photos").key("a").body(ByteStream::from_static(b"x")).send();
    tokio::select! {
        biased;
        response = put => panic!("{response:?}"),
        kill = kills.recv() => assert_eq!(kill, Some(())),
    }
}

#[tokio::test]
async fn calls_are_recorded_with_metadata_and_tags_are_stored() {
    let server = Server::new().await;
    server.bucket.s3.record_calls();
    let put = server.client.put_object().bucket("photos").key("写真 1.jpg").tagging("album=1%202&owner=%E6%88%91");
    put.metadata("provenance", "1").body(ByteStream::from_static(b"x")).send().await.unwrap();
    let tags = server.client.get_object_tagging().bucket("photos").key("写真 1.jpg").send().await.unwrap().tag_set;
    let tags: Vec<_> = tags.iter().map(|tag| (tag.key(), tag.value())).collect();
    assert_eq!(tags, [("album", "1 2"), ("owner", "我")]);
    let _ = server.client.get_object().bucket("photos").key("gone").send().await;
    let calls = server.bucket.s3.take_calls();
    let operations: Vec<_> = calls.iter().map(|call| (call.operation, call.error.as_deref())).collect();
    assert_eq!(operations, [("PutObject", None), ("GetObjectTagging", None), ("GetObject", Some("NoSuchKey"))]);
    assert_eq!(
        (calls[0].key.as_str(), calls[0].metadata["provenance"].as_str(), calls[0].has_tags),
        ("写真 1.jpg", "1", true)
    );
    assert!(server.bucket.s3.take_calls().is_empty());
}
