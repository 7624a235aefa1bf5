//! The messages of a queue, so many a second.

use std::time::Duration;

use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::SendMessageBatchRequestEntry;
use serde_json::json;
use tokio::time::{MissedTickBehavior, interval, sleep};

use crate::manifest::Line;
use crate::{Error, Ledger, Manifest};

/// The most messages that SQS takes at a time.
const MOST: usize = 10;
/// How often those of a batch are sent again that SQS did not take.
const TRIES: u32 = 5;
/// Before the second try; each later pause is twice the one before.
const PAUSE: Duration = Duration::from_millis(200);

/// A queue that the function takes from.
#[derive(Debug, Clone)]
pub struct Feed {
    /// The service.
    pub client: Client,
    /// The queue.
    pub url: String,
    /// Messages a second, 1 and more.
    pub rate: u32,
}

impl Feed {
    /// Sends a message for each line of the ledger's manifest that has none yet. `told` is given the number of messages so
    /// far after every ten. A process that is killed in between sends at most ten a second time, which the function skips.
    ///
    /// # Errors
    /// SQS did not take a message after some tries. What was sent until then is written down.
    pub async fn send(&self, ledger: &mut Ledger, mut told: impl FnMut(u64)) -> Result<(), Error> {
        let path = ledger.manifest();
        let mut lines = Manifest::lines(&path, ledger.sent_bytes())?;
        let mut ticks = interval(Duration::from_secs(MOST as u64) / self.rate.max(1));
        // After a pause of the service it goes on at the rate, and does not catch up.
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let batch: Vec<Line> = lines.by_ref().take(MOST).collect::<Result<_, _>>()?;
            if batch.is_empty() {
                return Ok(());
            }
            ticks.tick().await;
            self.batch(&batch).await?;
            ledger.send(batch.iter().map(|line| line.bytes).sum(), batch.len() as u64)?;
            told(ledger.sent());
        }
    }

    async fn batch(&self, lines: &[Line]) -> Result<(), Error> {
        let mut left: Vec<usize> = (0..lines.len()).collect();
        let mut reason = String::new();
        for attempt in 0..TRIES {
            if attempt > 0 {
                sleep(PAUSE * (1 << (attempt - 1))).await;
            }
            let entries = left.iter().map(|&at| entry(at, &lines[at])).collect();
            let sent = self.client.send_message_batch().queue_url(&self.url).set_entries(Some(entries)).send().await;
            let sent = sent.map_err(|error| {
                let needed =
                    "sqs:SendMessage on the queue, and kms:GenerateDataKey and kms:Decrypt on its key, if it has one";
                Error::service(format!("send messages to {}", self.url), needed, &error)
            })?;
            left = sent.failed.iter().filter_map(|failed| failed.id.parse().ok()).collect();
            let Some(failed) = sent.failed.first() else {
                return Ok(());
            };
            let text = failed.message.as_deref().unwrap_or("no message");
            reason = format!("{} of {} messages were rejected: {}: {text}", left.len(), lines.len(), failed.code);
            // The service says that it is not its own fault, so it rejects them again.
            if sent.failed.iter().any(|failed| failed.sender_fault) {
                break;
            }
        }
        Err(Error::Service { action: format!("send messages to {}", self.url), message: reason })
    }
}

/// In the words of S3, which tell the key percent-encoded, too.
fn entry(at: usize, line: &Line) -> SendMessageBatchRequestEntry {
    let object = json!({ "bucket": { "name": line.bucket }, "object": { "key": line.key } });
    let record = json!({ "eventSource": "aws:s3", "eventName": "ObjectCreated:Backfill", "s3": object });
    let body = json!({ "Records": [record] }).to_string();
    let entry = SendMessageBatchRequestEntry::builder().id(at.to_string()).message_body(body);
    entry.build().expect("an id and a body were given")
}
