//! Conversions in child processes.
//!
//! A source may be hostile, and a running decoder or encoder cannot be interrupted: the codec may run for minutes, use
//! all memory, or abort. So a child process, which runs the same program, converts each image. The kernel terminates
//! the child at its limits on CPU time and memory, and the parent kills the child at the deadline. A failure of the
//! child affects only its own image.
//!
//! The child gets only the environment variables in [`Worker`], so it has no credentials. It reads one request from
//! standard input and writes one response to standard output:
//!
//! ```text
//! request:  length of the header, header (JSON), the image file
//! response: S when a quality search begins; R, length of the header, header (JSON), the output files
//! ```

mod message;
mod process;
mod process_limits;
mod program;
mod serve;

pub(crate) use process::WorkerProcess;
pub use program::{ARGUMENT, Worker};
pub use serve::serve;
