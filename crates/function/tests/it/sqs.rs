//! Tests the SQS trigger with moto. S3 sends events to an SQS queue, the test processes the queue like the event source
//! mapping of Lambda, and `bootstrap` reads and writes objects in S3.

use std::collections::BTreeSet;

use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{Event, NotificationConfiguration, QueueConfiguration};
use aws_sdk_sqs::types::{Message, MessageSystemAttributeName, QueueAttributeName};
use emulator::Lambda;
use image::ImageFormat;
use serde_json::{Value, json};
use tokio::sync::mpsc::unbounded_channel;

use crate::bootstrap::function;
use crate::deployment::image;
use crate::moto::Moto;

struct QueueDeployment {
    s3: aws_sdk_s3::Client,
    sqs: aws_sdk_sqs::Client,
    queue_url: String,
    dead_letter_queue_url: String,
    lambda: Lambda,
    _moto: Moto,
}

impl QueueDeployment {
    /// Creates a bucket that sends its events to a queue. If a message was received twice and not deleted, it moves to
    /// the dead-letter queue.
    async fn start() -> Self {
        let moto = Moto::start().await;
        let (s3, sqs) = (moto.s3(), aws_sdk_sqs::Client::new(&moto.sdk_config()));
        let dead_letter_queue_url =
            sqs.create_queue().queue_name("avif-failures").send().await.unwrap().queue_url.unwrap();
        let dead_letter_queue = read_queue_arn(&sqs, &dead_letter_queue_url).await;
        let redrive = json!({ "deadLetterTargetArn": dead_letter_queue, "maxReceiveCount": 2 }).to_string();
        // With a visibility timeout of 0, a failed message is visible again at once.
        let queue = sqs
            .create_queue()
            .queue_name("avif")
            .attributes(QueueAttributeName::VisibilityTimeout, "0")
            .attributes(QueueAttributeName::RedrivePolicy, redrive);
        let queue_url = queue.send().await.unwrap().queue_url.unwrap();
        s3.create_bucket().bucket("photos").send().await.unwrap();
        let target = QueueConfiguration::builder().queue_arn(read_queue_arn(&sqs, &queue_url).await);
        let target = target.events(Event::from("s3:ObjectCreated:*")).events(Event::from("s3:ObjectRemoved:*")).build();
        let notifications = NotificationConfiguration::builder().queue_configurations(target.unwrap()).build();
        let put = s3.put_bucket_notification_configuration().bucket("photos").notification_configuration(notifications);
        put.send().await.unwrap();
        let environment = [
            ("AWS_ENDPOINT_URL", moto.endpoint.as_str()),
            ("AWS_ACCESS_KEY_ID", "test"),
            ("AWS_SECRET_ACCESS_KEY", "test"),
            ("AVIF_SPEED", "10"),
            ("AVIF_QUALITY", "50"),
        ];
        let environment = environment.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        let lambda = Lambda::new(function(environment), unbounded_channel().0);
        Self { s3, sqs, queue_url, dead_letter_queue_url, lambda, _moto: moto }
    }

    async fn put(&self, key: &str, bytes: Vec<u8>) {
        self.s3.put_object().bucket("photos").key(key).body(ByteStream::from(bytes)).send().await.unwrap();
    }

    /// Sends batches to the function until the queue is empty, like an event source mapping with
    /// `ReportBatchItemFailures` (AWS Lambda Developer Guide, "Using Lambda with Amazon SQS"). Returns the responses of
    /// the function.
    async fn process_queue(&self) -> Vec<Value> {
        let mut responses = vec![];
        loop {
            let received = self
                .sqs
                .receive_message()
                .queue_url(&self.queue_url)
                .max_number_of_messages(10)
                .message_system_attribute_names(MessageSystemAttributeName::All);
            let messages = received.send().await.unwrap().messages.unwrap_or_default();
            if messages.is_empty() {
                return responses;
            }
            let records: Vec<Value> = messages.iter().map(sqs_record).collect();
            let response = self.lambda.invoke(json!({ "Records": records })).await.result.unwrap();
            let failures = response["batchItemFailures"].as_array().unwrap();
            let failed: BTreeSet<&str> = failures.iter().map(|item| item["itemIdentifier"].as_str().unwrap()).collect();
            for message in messages {
                if !failed.contains(message.message_id.as_deref().unwrap()) {
                    let handle = message.receipt_handle.unwrap();
                    self.sqs.delete_message().queue_url(&self.queue_url).receipt_handle(handle).send().await.unwrap();
                }
            }
            responses.push(response);
        }
    }

    async fn list_keys(&self) -> Vec<String> {
        let list = self.s3.list_objects_v2().bucket("photos").send().await.unwrap();
        list.contents.unwrap_or_default().into_iter().filter_map(|object| object.key).collect()
    }
}

async fn read_queue_arn(sqs: &aws_sdk_sqs::Client, url: &str) -> String {
    let request = sqs.get_queue_attributes().queue_url(url).attribute_names(QueueAttributeName::QueueArn);
    request.send().await.unwrap().attributes.unwrap().remove(&QueueAttributeName::QueueArn).unwrap()
}

/// Returns the message as a record of an SQS event of Lambda.
fn sqs_record(message: &Message) -> Value {
    let attributes = message.attributes.iter().flatten().map(|(name, value)| (name.as_str().to_owned(), json!(value)));
    json!({
        "messageId": message.message_id, "receiptHandle": message.receipt_handle, "body": message.body,
        "attributes": attributes.collect::<serde_json::Map<_, _>>(), "messageAttributes": {},
        "md5OfBody": message.md5_of_body, "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:us-east-1:123456789012:avif", "awsRegion": "us-east-1",
    })
}

#[tokio::test]
async fn with_moto_events_from_a_queue_convert_sources_and_delete_variants() {
    let deployment = QueueDeployment::start().await;
    for key in ["a.png", "summer 1+2/写真.png"] {
        deployment.put(key, image(ImageFormat::Png, 90, 60)).await;
    }
    deployment.put("broken.png", b"not an image".to_vec()).await;
    let responses = deployment.process_queue().await;
    assert!(responses.len() > 1, "the messages of the variants should be in later batches");
    let keys = ["a.png", "a.png.avif", "broken.png", "summer 1+2/写真.png", "summer 1+2/写真.png.avif"];
    assert_eq!(deployment.list_keys().await, keys);
    deployment.s3.delete_object().bucket("photos").key("a.png").send().await.unwrap();
    deployment.process_queue().await;
    assert_eq!(deployment.list_keys().await, keys[2..]);
}

#[tokio::test]
async fn with_moto_malformed_message_moves_to_the_dead_letter_queue_and_other_messages_are_processed() {
    let deployment = QueueDeployment::start().await;
    let send = deployment.sqs.send_message().queue_url(&deployment.queue_url).message_body("not an event");
    send.send().await.unwrap();
    deployment.put("a.png", image(ImageFormat::Png, 90, 60)).await;
    deployment.process_queue().await;
    assert_eq!(deployment.list_keys().await, ["a.png", "a.png.avif"]);
    let received = deployment.sqs.receive_message().queue_url(&deployment.dead_letter_queue_url).send().await.unwrap();
    let bodies: Vec<_> = received.messages.unwrap_or_default().into_iter().filter_map(|message| message.body).collect();
    assert_eq!(bodies, ["not an event"]);
}
