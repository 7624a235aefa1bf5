//! Where all goes that is written in an environment: to the log, and to whoever subscribed.

use std::sync::Arc;

use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::sync::mpsc::UnboundedSender;

use super::record::{Category, Record};
use super::telemetry::Telemetry;

#[derive(Debug, Clone)]
pub(super) struct Journal {
    pub(super) log: UnboundedSender<String>,
    pub(super) telemetry: Arc<Telemetry>,
    /// Whether the function's log is set to JSON, so that records of its lines are objects.
    pub(super) json: bool,
}

impl Journal {
    /// Writes a line of Lambda's own into the log.
    pub(super) fn write(&self, line: String) {
        // Nobody listening is nobody interested.
        let _ = self.log.send(line);
    }

    /// Takes down every line that a process writes.
    pub(super) async fn follow(self, output: impl AsyncRead + Unpin, category: Category) {
        let mut lines = BufReader::new(output).split(b'\n');
        while let Ok(Some(line)) = lines.next_segment().await {
            let line = String::from_utf8_lossy(&line).into_owned();
            self.telemetry.say(Record::line(category, &line, self.json && category == Category::Function));
            self.write(line);
        }
    }
}
