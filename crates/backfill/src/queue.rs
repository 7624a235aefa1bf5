//! Sends a message for each source to an SQS queue, at a limited rate.

use std::time::Duration;

use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::SendMessageBatchRequestEntry;
use serde_json::json;
use tokio::time::{MissedTickBehavior, interval, sleep};

use crate::manifest::Line;
use crate::{Error, Manifest, State};

/// The largest number of messages in one request (Amazon SQS API reference, `SendMessageBatch`).
const MAX_BATCH_MESSAGES: usize = 10;
/// The maximum number of times that a message is sent if SQS rejects it.
const ATTEMPTS: u32 = 5;
/// The pause before the second attempt. Each later pause is twice as long as the previous pause.
const FIRST_PAUSE: Duration = Duration::from_millis(200);

/// Sends messages to the queue that invokes the function.
#[derive(Debug, Clone)]
pub struct QueueSender {
    /// The client of SQS.
    pub client: Client,
    /// The URL of the queue.
    pub url: String,
    /// Messages per second, at least 1.
    pub rate: u32,
}

impl QueueSender {
    /// Sends a message for each line of the manifest, except for the messages that were already sent. `on_batch`
    /// receives the number of sent messages after each batch. If the process is killed, the next run sends at most ten
    /// messages a second time. The function then skips the sources that are already converted.
    ///
    /// # Errors
    /// SQS rejected a message in every attempt. The state records the messages that were sent before the error.
    pub async fn send(&self, state: &mut State, mut on_batch: impl FnMut(u64)) -> Result<(), Error> {
        let path = state.manifest();
        let mut lines = Manifest::lines(&path, state.sent_bytes())?;
        let mut ticks = interval(Duration::from_secs(MAX_BATCH_MESSAGES as u64) / self.rate.max(1));
        // After a slow request, the sender continues at the configured rate. It does not send faster to catch up.
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let batch: Vec<Line> = lines.by_ref().take(MAX_BATCH_MESSAGES).collect::<Result<_, _>>()?;
            if batch.is_empty() {
                return Ok(());
            }
            ticks.tick().await;
            self.send_batch(&batch).await?;
            state.save_sent(batch.iter().map(|line| line.bytes).sum(), batch.len() as u64)?;
            on_batch(state.sent_messages());
        }
    }

    async fn send_batch(&self, lines: &[Line]) -> Result<(), Error> {
        let mut remaining: Vec<usize> = (0..lines.len()).collect();
        let mut reason = String::new();
        for attempt in 0..ATTEMPTS {
            if attempt > 0 {
                sleep(FIRST_PAUSE * (1 << (attempt - 1))).await;
            }
            let entries = remaining.iter().map(|&at| entry(at, &lines[at])).collect();
            let sent = self.client.send_message_batch().queue_url(&self.url).set_entries(Some(entries)).send().await;
            let sent = sent.map_err(|error| {
                let needed =
                    "sqs:SendMessage on the queue, and kms:GenerateDataKey and kms:Decrypt on its key, if it has one";
                Error::service(format!("send messages to {}", self.url), needed, &error)
            })?;
            remaining = sent.failed.iter().filter_map(|failed| failed.id.parse().ok()).collect();
            let Some(failed) = sent.failed.first() else {
                return Ok(());
            };
            let text = failed.message.as_deref().unwrap_or("no message");
            reason = format!("{} of {} messages were rejected: {}: {text}", remaining.len(), lines.len(), failed.code);
            // SQS rejected the message because the message is invalid, so SQS would reject it again.
            if sent.failed.iter().any(|failed| failed.sender_fault) {
                break;
            }
        }
        Err(Error::Service { action: format!("send messages to {}", self.url), message: reason })
    }
}

/// Returns a message that contains an S3 notification for the source. The key in the notification is percent-encoded,
/// as in the manifest.
fn entry(at: usize, line: &Line) -> SendMessageBatchRequestEntry {
    let object = json!({ "bucket": { "name": line.bucket }, "object": { "key": line.key } });
    let record = json!({ "eventSource": "aws:s3", "eventName": "ObjectCreated:Backfill", "s3": object });
    let body = json!({ "Records": [record] }).to_string();
    let entry = SendMessageBatchRequestEntry::builder().id(at.to_string()).message_body(body);
    entry.build().expect("the ID and the body are set")
}
