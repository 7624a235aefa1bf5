//! The extension's own messages in the function's log.

use std::io::Write;

pub(crate) fn write_line(message: &str) {
    // If standard error is closed, there is no other place for the message.
    let _ = writeln!(std::io::stderr(), "avif-extension: {message}");
}
