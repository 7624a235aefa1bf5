//! Tests `avif backfill` with moto, an independent implementation of S3 and SQS.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use aws_sdk_s3::types::{
    ServerSideEncryption, ServerSideEncryptionByDefault, ServerSideEncryptionConfiguration, ServerSideEncryptionRule,
    StorageClass,
};
use aws_sdk_sqs::types::QueueAttributeName;
use serde_json::Value;
use tokio::process::Child;
use tokio::time::interval;

use super::stub::{Stub, environment};
use super::{assert_each_once, fill, manifest, put, run, start, state};
use crate::moto::Moto;

/// Kills the command as soon as the saved state meets the condition.
async fn kill_when(child: &mut Child, folder: &Path, is_reached: impl Fn(&Value) -> bool) {
    let mut ticks = interval(Duration::from_millis(2));
    while !state(folder).is_some_and(|state| is_reached(&state)) {
        assert!(child.try_wait().unwrap().is_none(), "the command ended before the test could kill it");
        ticks.tick().await;
    }
    child.kill().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_backfill_continues_and_sends_a_message_for_each_key() {
    let moto = Moto::start().await;
    let environment = environment(&moto.endpoint);
    let s3 = moto.s3();
    s3.create_bucket().bucket("photos").send().await.unwrap();
    let keys = fill(&s3).await;
    let sqs = aws_sdk_sqs::Client::new(&moto.sdk_config());
    // The visibility timeout is half a day, so that no message is received a second time during the test.
    let queue = sqs.create_queue().queue_name("avif").attributes(QueueAttributeName::VisibilityTimeout, "43200");
    let url = queue.send().await.unwrap().queue_url.unwrap();

    let folder = tempfile::tempdir().unwrap();
    let mut child = start(folder.path(), &environment, &["s3://photos"]);
    kill_when(&mut child, folder.path(), |state| state["counts"]["listed"].as_u64() >= Some(2000)).await;
    run(folder.path(), &environment, &["s3://photos"]).await;
    assert_each_once(manifest(folder.path()), &keys);

    // The second backfill sends messages only for a part of one album, because moto becomes slower with each message in
    // its queue.
    let keys: BTreeSet<String> = keys.into_iter().filter(|key| key.starts_with("album 3/0")).collect();
    let folder = tempfile::tempdir().unwrap();
    let arguments = ["s3://photos/album 3/0", "--queue", &url, "--rate", "1000"];
    let mut child = start(folder.path(), &environment, &arguments);
    kill_when(&mut child, folder.path(), |state| state["sent"][1].as_u64() >= Some(50)).await;
    let output = run(folder.path(), &environment, &arguments).await;
    assert!(output.contains(&format!("Sent {} messages.", keys.len())), "{output}");

    let mut received_keys: Vec<String> = vec![];
    loop {
        let received = sqs.receive_message().queue_url(&url).max_number_of_messages(10).send().await.unwrap();
        let messages = received.messages.unwrap_or_default();
        if messages.is_empty() {
            break;
        }
        for message in messages {
            let event: Value = serde_json::from_str(&message.body.unwrap()).unwrap();
            let record = serde_json::json!({ "eventSource": "aws:sqs", "messageId": "1", "body": event.to_string() });
            // Parse the message with the event parser of the function.
            let batch = function::event::parse_event(&serde_json::json!({ "Records": [record] })).unwrap();
            received_keys.extend(batch.jobs.into_iter().map(|job| job.source.at.key));
        }
    }
    // The queue may contain a batch of ten messages twice, because the command was killed after it sent the batch and
    // before it saved the state.
    assert!((keys.len()..=keys.len() + 10).contains(&received_keys.len()), "{}", received_keys.len());
    let total = keys.len();
    assert_eq!(received_keys.into_iter().collect::<BTreeSet<_>>(), keys);

    let again = run(folder.path(), &environment, &arguments).await;
    assert!(again.contains(&format!("All {total} messages were sent by an earlier run.")), "{again}");
    let queue = sqs.receive_message().queue_url(&url).send().await.unwrap();
    assert_eq!(queue.messages.unwrap_or_default().len(), 0);
}

#[tokio::test]
async fn archived_object_with_an_up_to_date_variant_counts_as_converted() {
    let moto = Moto::start().await;
    let s3 = moto.s3();
    s3.create_bucket().bucket("photos").send().await.unwrap();
    let recipe = settings::Settings::parse(&std::collections::BTreeMap::new()).unwrap().plan.fingerprint();
    for key in ["converted.jpg", "unconverted.jpg"] {
        let request = s3.put_object().bucket("photos").key(key).storage_class(StorageClass::Glacier);
        let etag = request.send().await.unwrap().e_tag.unwrap();
        if key == "converted.jpg" {
            let metadata = [("avif-recipe", recipe.as_str()), ("avif-source-etag", etag.trim_matches('"'))];
            put(&s3, "converted.jpg.avif", &metadata).await;
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let output = run(folder.path(), &environment(&moto.endpoint), &["s3://photos"]).await;
    assert!(output.contains("1 are converted already, 1 are archived, 0 to convert"), "{output}");
}

#[tokio::test]
async fn manifest_is_encrypted_with_sse_s3_even_if_the_bucket_uses_sse_kms_by_default() {
    let moto = Moto::start().await;
    let s3 = moto.s3();
    for bucket in ["photos", "work"] {
        s3.create_bucket().bucket(bucket).send().await.unwrap();
    }
    let by_kms = ServerSideEncryptionByDefault::builder().sse_algorithm(ServerSideEncryption::AwsKms).build().unwrap();
    let rule = ServerSideEncryptionRule::builder().apply_server_side_encryption_by_default(by_kms).build();
    let encryption = ServerSideEncryptionConfiguration::builder().rules(rule).build().unwrap();
    let request = s3.put_bucket_encryption().bucket("work").server_side_encryption_configuration(encryption);
    request.send().await.unwrap();
    put(&s3, "a.jpg", &[]).await;
    let created = "<CreateJobResult><JobId>1</JobId></CreateJobResult>";
    let control = Stub::start(|_| Some((200, created.to_owned()))).await;
    let mut environment = environment(&moto.endpoint);
    environment.insert("AWS_ENDPOINT_URL_S3_CONTROL".into(), control.endpoint_of_account_127());
    let folder = tempfile::tempdir().unwrap();
    let function = "arn:aws:lambda:us-east-1:127:function:avif:live";
    let job = ["s3://photos", "--function", function, "--role", "arn:aws:iam::127:role/r", "--work", "s3://work"];
    run(folder.path(), &environment, &job).await;
    let [request] = control.received().try_into().unwrap();
    let key = request.element("ObjectArn").strip_prefix("arn:aws:s3:::work/").unwrap();
    let head = s3.head_object().bucket("work").key(key).send().await.unwrap();
    assert_eq!(head.server_side_encryption, Some(ServerSideEncryption::Aes256));
}
