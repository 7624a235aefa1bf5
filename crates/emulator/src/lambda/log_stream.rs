//! The log stream of an execution environment. The lines that processes write are also published as telemetry.

use std::sync::Arc;

use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::sync::mpsc::UnboundedSender;

use super::record::{Category, Record};
use super::telemetry::Telemetry;

#[derive(Debug, Clone)]
pub(super) struct LogStream {
    pub(super) log: UnboundedSender<String>,
    pub(super) telemetry: Arc<Telemetry>,
    /// Whether the function's log format is JSON. If it is, telemetry records contain its lines as objects.
    pub(super) is_json: bool,
}

impl LogStream {
    /// Writes a line to the log, but not to telemetry.
    pub(super) fn write(&self, line: String) {
        // Sending fails only if the caller dropped the receiver.
        let _ = self.log.send(line);
    }

    /// Copies every line that a process writes to the log and to telemetry, until the process closes the stream.
    pub(super) async fn copy_lines(self, output: impl AsyncRead + Unpin, category: Category) {
        let mut lines = BufReader::new(output).split(b'\n');
        while let Ok(Some(line)) = lines.next_segment().await {
            let line = String::from_utf8_lossy(&line).into_owned();
            self.telemetry.publish(Record::line(category, &line, self.is_json && category == Category::Function));
            self.write(line);
        }
    }
}
