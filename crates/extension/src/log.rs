//! Writes the extension's own messages to the function's log.

use std::io::Write;

pub(crate) fn write_line(message: &str) {
    // An error is ignored: if standard error is closed, the message cannot be written anywhere else.
    let _ = writeln!(std::io::stderr(), "avif-extension: {message}");
}
