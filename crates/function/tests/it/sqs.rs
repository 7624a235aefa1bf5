//! The way of much traffic, by other people's servers: moto's S3 tells moto's SQS, what takes from the queue does so as
//! Lambda's event source mapping does, and `bootstrap` reads and writes moto's S3.

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

struct Account {
    s3: aws_sdk_s3::Client,
    sqs: aws_sdk_sqs::Client,
    queue: String,
    dead: String,
    lambda: Lambda,
    _moto: Moto,
}

impl Account {
    /// A bucket that tells a queue, which gives up after a message's second time.
    async fn new() -> Self {
        let moto = Moto::start().await;
        let (s3, sqs) = (moto.s3(), aws_sdk_sqs::Client::new(&moto.access()));
        let dead = sqs.create_queue().queue_name("avif-failures").send().await.unwrap().queue_url.unwrap();
        let redrive = json!({ "deadLetterTargetArn": arn(&sqs, &dead).await, "maxReceiveCount": 2 }).to_string();
        // What failed comes back at once: nobody waits here for six times the function's time-out.
        let queue = sqs
            .create_queue()
            .queue_name("avif")
            .attributes(QueueAttributeName::VisibilityTimeout, "0")
            .attributes(QueueAttributeName::RedrivePolicy, redrive);
        let queue = queue.send().await.unwrap().queue_url.unwrap();
        s3.create_bucket().bucket("photos").send().await.unwrap();
        let told = QueueConfiguration::builder().queue_arn(arn(&sqs, &queue).await);
        let told = told.events(Event::from("s3:ObjectCreated:*")).events(Event::from("s3:ObjectRemoved:*")).build();
        let notifications = NotificationConfiguration::builder().queue_configurations(told.unwrap()).build();
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
        Self { s3, sqs, queue, dead, lambda, _moto: moto }
    }

    async fn put(&self, key: &str, bytes: Vec<u8>) {
        self.s3.put_object().bucket("photos").key(key).body(ByteStream::from(bytes)).send().await.unwrap();
    }

    /// Takes batches until there are none, and gives every answer: what Lambda does with an event source mapping that
    /// reports batch item failures (AWS Lambda Developer Guide, "Using Lambda with Amazon SQS").
    async fn poll(&self) -> Vec<Value> {
        let mut answers = vec![];
        loop {
            let received = self
                .sqs
                .receive_message()
                .queue_url(&self.queue)
                .max_number_of_messages(10)
                .message_system_attribute_names(MessageSystemAttributeName::All);
            let messages = received.send().await.unwrap().messages.unwrap_or_default();
            if messages.is_empty() {
                return answers;
            }
            let records: Vec<Value> = messages.iter().map(record).collect();
            let answer = self.lambda.invoke(json!({ "Records": records })).await.result.unwrap();
            let failures = answer["batchItemFailures"].as_array().unwrap();
            let failed: BTreeSet<&str> = failures.iter().map(|item| item["itemIdentifier"].as_str().unwrap()).collect();
            for message in messages {
                if !failed.contains(message.message_id.as_deref().unwrap()) {
                    let handle = message.receipt_handle.unwrap();
                    self.sqs.delete_message().queue_url(&self.queue).receipt_handle(handle).send().await.unwrap();
                }
            }
            answers.push(answer);
        }
    }

    async fn keys(&self) -> Vec<String> {
        let list = self.s3.list_objects_v2().bucket("photos").send().await.unwrap();
        list.contents.unwrap_or_default().into_iter().filter_map(|object| object.key).collect()
    }
}

async fn arn(sqs: &aws_sdk_sqs::Client, url: &str) -> String {
    let asked = sqs.get_queue_attributes().queue_url(url).attribute_names(QueueAttributeName::QueueArn);
    asked.send().await.unwrap().attributes.unwrap().remove(&QueueAttributeName::QueueArn).unwrap()
}

/// A message, as Lambda hands it over.
fn record(message: &Message) -> Value {
    let attributes = message.attributes.iter().flatten().map(|(name, value)| (name.as_str().to_owned(), json!(value)));
    json!({
        "messageId": message.message_id, "receiptHandle": message.receipt_handle, "body": message.body,
        "attributes": attributes.collect::<serde_json::Map<_, _>>(), "messageAttributes": {},
        "md5OfBody": message.md5_of_body, "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:us-east-1:123456789012:avif", "awsRegion": "us-east-1",
    })
}

#[tokio::test]
async fn by_moto_what_lands_in_the_bucket_becomes_avif_by_way_of_a_queue_and_goes_with_its_source() {
    let account = Account::new().await;
    for key in ["a.png", "summer 1+2/写真.png"] {
        account.put(key, image(ImageFormat::Png, 90, 60)).await;
    }
    account.put("broken.png", b"no image".to_vec()).await;
    let answers = account.poll().await;
    assert!(answers.len() > 1, "the variants have messages of their own");
    let keys = ["a.png", "a.png.avif", "broken.png", "summer 1+2/写真.png", "summer 1+2/写真.png.avif"];
    assert_eq!(account.keys().await, keys);
    account.s3.delete_object().bucket("photos").key("a.png").send().await.unwrap();
    account.poll().await;
    assert_eq!(account.keys().await, keys[2..]);
}

#[tokio::test]
async fn by_moto_what_cannot_be_done_comes_back_and_ends_with_the_failures_and_harms_no_other() {
    let account = Account::new().await;
    let send = account.sqs.send_message().queue_url(&account.queue).message_body("no event at all");
    send.send().await.unwrap();
    account.put("a.png", image(ImageFormat::Png, 90, 60)).await;
    account.poll().await;
    assert_eq!(account.keys().await, ["a.png", "a.png.avif"]);
    let dead = account.sqs.receive_message().queue_url(&account.dead).send().await.unwrap();
    let bodies: Vec<_> = dead.messages.unwrap_or_default().into_iter().filter_map(|message| message.body).collect();
    assert_eq!(bodies, ["no event at all"]);
}
