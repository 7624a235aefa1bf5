//! Records in a file, as they came: for looking at what there is.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

use serde_json::Value;

/// The most that is written: /tmp is the function's, too.
const MOST: u64 = 64 << 20;

#[derive(Debug)]
pub(crate) struct Records {
    file: File,
    left: u64,
}

impl Records {
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new().create(true).append(true).open(path)?;
        let left = MOST.saturating_sub(file.metadata()?.len());
        Ok(Self { file, left })
    }

    /// Writes each as a line of its own, as long as there is room.
    pub(crate) fn write(&mut self, events: &[Value]) -> io::Result<()> {
        let mut lines = String::new();
        for event in events {
            lines.push_str(&event.to_string());
            lines.push('\n');
        }
        let Some(left) = self.left.checked_sub(lines.len() as u64) else { return Ok(()) };
        self.left = left;
        self.file.write_all(lines.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_there_is_no_room_nothing_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("records.ndjson");
        let mut records = Records { left: 5, ..Records::open(&path).unwrap() };
        for event in ["a", "b", "c"] {
            records.write(&[event.into()]).unwrap();
        }
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "\"a\"\n");
        assert_eq!(Records::open(&path).unwrap().left, MOST - 4, "what is there counts");
    }
}
