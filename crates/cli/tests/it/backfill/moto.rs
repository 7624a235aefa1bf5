//! Against moto, with its SQS.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use aws_sdk_sqs::types::QueueAttributeName;
use serde_json::Value;
use tokio::process::Child;
use tokio::time::interval;

use super::{assert_each_once, fill, ledger, manifest, run, start};
use crate::moto::Moto;

/// Kills it as soon as what is written down is that far.
async fn kill_when(child: &mut Child, folder: &Path, far: impl Fn(&Value) -> bool) {
    let mut looks = interval(Duration::from_millis(2));
    while !ledger(folder).is_some_and(|ledger| far(&ledger)) {
        assert!(child.try_wait().unwrap().is_none(), "it ended before it could be killed");
        looks.tick().await;
    }
    child.kill().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn by_moto_each_key_becomes_a_message_though_it_was_killed_twice() {
    let moto = Moto::start().await;
    let environment = [
        ("AWS_ENDPOINT_URL", moto.endpoint.as_str()),
        ("AWS_ACCESS_KEY_ID", "test"),
        ("AWS_SECRET_ACCESS_KEY", "test"),
    ];
    let environment: BTreeMap<String, String> = environment.map(|(name, value)| (name.into(), value.into())).into();
    let s3 = moto.s3();
    s3.create_bucket().bucket("photos").send().await.unwrap();
    let keys = fill(&s3).await;
    let sqs = aws_sdk_sqs::Client::new(&moto.access());
    // Half a day: what was received once is not received again while the rest is.
    let queue = sqs.create_queue().queue_name("avif").attributes(QueueAttributeName::VisibilityTimeout, "43200");
    let url = queue.send().await.unwrap().queue_url.unwrap();

    let folder = tempfile::tempdir().unwrap();
    let mut child = start(folder.path(), &environment, &["s3://photos"]);
    kill_when(&mut child, folder.path(), |ledger| ledger["counts"]["listed"].as_u64() >= Some(2000)).await;
    run(folder.path(), &environment, &["s3://photos"]).await;
    assert_each_once(manifest(folder.path()), &keys);

    // A part of one album: the more messages moto's queue holds, the longer each takes.
    let keys: BTreeSet<String> = keys.into_iter().filter(|key| key.starts_with("album 3/0")).collect();
    let folder = tempfile::tempdir().unwrap();
    let arguments = ["s3://photos/album 3/0", "--queue", &url, "--rate", "1000"];
    let mut child = start(folder.path(), &environment, &arguments);
    kill_when(&mut child, folder.path(), |ledger| ledger["sent"][1].as_u64() >= Some(50)).await;
    let said = run(folder.path(), &environment, &arguments).await;
    assert!(said.contains(&format!("{} messages are sent.", keys.len())), "{said}");

    let mut told: Vec<String> = vec![];
    loop {
        let received = sqs.receive_message().queue_url(&url).max_number_of_messages(10).send().await.unwrap();
        let messages = received.messages.unwrap_or_default();
        if messages.is_empty() {
            break;
        }
        for message in messages {
            let event: Value = serde_json::from_str(&message.body.unwrap()).unwrap();
            let record = serde_json::json!({ "eventSource": "aws:sqs", "messageId": "1", "body": event.to_string() });
            // As the function understands it.
            let batch = function::event::jobs(&serde_json::json!({ "Records": [record] })).unwrap();
            told.extend(batch.jobs.into_iter().map(|job| job.source.at.key));
        }
    }
    // Those that were being sent when it was killed may be there twice.
    assert!((keys.len()..=keys.len() + 10).contains(&told.len()), "{}", told.len());
    let told_once = keys.len();
    assert_eq!(told.into_iter().collect::<BTreeSet<_>>(), keys);

    let again = run(folder.path(), &environment, &arguments).await;
    assert!(again.contains(&format!("All {told_once} messages were sent already.")), "{again}");
    let queue = sqs.receive_message().queue_url(&url).send().await.unwrap();
    assert_eq!(queue.messages.unwrap_or_default().len(), 0);
}
