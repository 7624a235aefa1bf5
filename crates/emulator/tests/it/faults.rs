//! Conditions, and what goes wrong on purpose.

use aws_sdk_s3::Client;
use aws_sdk_s3::config::Credentials;
use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::primitives::ByteStream;
use emulator::{ACCESS_KEY, Door, Faults, Rates, SECRET_KEY};
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

    /// A client behind a door where that fault is met by every request; it tries each once.
    async fn behind(&self, rates: Rates) -> (Client, Door, UnboundedReceiver<()>, Faults) {
        let faults = Faults::new(7, rates);
        let (door, kills) = self.bucket.s3.door(faults.clone()).await.unwrap();
        let credentials = Credentials::new(ACCESS_KEY, SECRET_KEY, None, None, "test");
        let config = self.client.config().to_builder();
        let config = config.endpoint_url(door.endpoint()).credentials_provider(credentials);
        let client = Client::from_conf(config.retry_config(RetryConfig::disabled()).build());
        (client, door, kills, faults)
    }
}

fn status<E>(result: Result<impl std::fmt::Debug, SdkError<E>>) -> u16 {
    result.err().unwrap().raw_response().map_or(0, |response| response.status().as_u16())
}

#[tokio::test]
async fn conditions_hold_for_reads_writes_and_removals() {
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
async fn of_writers_side_by_side_on_one_condition_one_wins() {
    let server = Server::new().await;
    let put = || server.client.put_object().bucket("photos").key("a").if_none_match("*");
    let writers = (0..16).map(|_| put().body(ByteStream::from_static(b"x")).send());
    let won = futures_util::future::join_all(writers).await.into_iter().flatten().count();
    assert_eq!(won, 1);
    server.bucket.s3.ignore_conditions();
    assert!(put().body(ByteStream::from_static(b"y")).send().await.is_ok());
}

#[tokio::test]
async fn what_is_refused_has_no_effect_and_what_is_lost_has_it() {
    let server = Server::new().await;
    let put = |client: &Client, key: &str| {
        client.put_object().bucket("photos").key(key).body(ByteStream::from_static(b"x")).send()
    };
    let exists = async |key: &str| server.client.head_object().bucket("photos").key(key).send().await.is_ok();
    let (client, _door, _, faults) = server.behind(Rates { refused: 1000, ..Rates::default() }).await;
    assert!(put(&client, "refused").await.is_err() && !exists("refused").await);
    faults.rest();
    assert!(put(&client, "rested").await.is_ok());
    assert_eq!(faults.counts(), [("refused", 1)].into());
    let (client, _door, _, _) = server.behind(Rates { lost: 1000, ..Rates::default() }).await;
    assert!(put(&client, "lost").await.is_err() && exists("lost").await);
    let (client, _door, _, _) = server.behind(Rates { conflict: 1000, ..Rates::default() }).await;
    let put = client.put_object().bucket("photos").key("b").if_none_match("*").body(ByteStream::from_static(b"x"));
    assert_eq!(put.send().await.unwrap_err().code(), Some("ConditionalRequestConflict"));
}

#[tokio::test]
async fn a_body_that_is_cut_or_changed_is_noticed() {
    let server = Server::new().await;
    server.put("a", "some bytes").await;
    for rates in [Rates { truncated: 1000, ..Rates::default() }, Rates { corrupt: 1000, ..Rates::default() }] {
        let (client, _door, _, _) = server.behind(rates).await;
        let got = client.get_object().bucket("photos").key("a").send().await.unwrap();
        assert!(got.body.collect().await.is_err(), "{rates:?}");
    }
}

#[tokio::test]
async fn a_kill_is_asked_for_and_its_request_is_never_answered() {
    let server = Server::new().await;
    let (client, _door, mut kills, _) = server.behind(Rates { killed: 1000, ..Rates::default() }).await;
    let put = client.put_object().bucket("photos").key("a").body(ByteStream::from_static(b"x")).send();
    tokio::select! {
        biased;
        answer = put => panic!("{answer:?}"),
        kill = kills.recv() => assert_eq!(kill, Some(())),
    }
}

#[tokio::test]
async fn calls_are_counted_with_what_they_bring_and_tags_are_kept() {
    let server = Server::new().await;
    server.bucket.s3.record_calls();
    let put = server.client.put_object().bucket("photos").key("写真 1.jpg").tagging("album=1%202&who=%E6%88%91");
    put.metadata("mark", "1").body(ByteStream::from_static(b"x")).send().await.unwrap();
    let tags = server.client.get_object_tagging().bucket("photos").key("写真 1.jpg").send().await.unwrap().tag_set;
    let tags: Vec<_> = tags.iter().map(|tag| (tag.key(), tag.value())).collect();
    assert_eq!(tags, [("album", "1 2"), ("who", "我")]);
    let _ = server.client.get_object().bucket("photos").key("gone").send().await;
    let calls = server.bucket.s3.take_calls();
    let operations: Vec<_> = calls.iter().map(|call| (call.operation, call.error.as_deref())).collect();
    assert_eq!(operations, [("PutObject", None), ("GetObjectTagging", None), ("GetObject", Some("NoSuchKey"))]);
    assert_eq!((calls[0].key.as_str(), calls[0].metadata["mark"].as_str(), calls[0].tagged), ("写真 1.jpg", "1", true));
    assert!(server.bucket.s3.take_calls().is_empty());
}
