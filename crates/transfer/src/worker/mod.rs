//! Conversions in processes of their own.
//!
//! An image's bytes may come from anybody, and a decoder or encoder that runs cannot be interrupted: it may take minutes,
//! take all memory, or abort. So every image is converted by a child process, which is this program once more. The kernel
//! ends it at its limits on CPU time and memory, and the parent kills it at the deadline. Whatever happens in it fails its
//! own image and no other.
//!
//! The child gets none of the environment but what it is given, so it has no credentials. It reads one request from its
//! standard input, and writes one response to its standard output:
//!
//! ```text
//! request:  length of the header, header (JSON), the image file
//! response: S when a search for the quality begins; R, length of the header, header (JSON), the output files
//! ```

mod confine;
mod message;
mod process;
mod serve;

use std::collections::BTreeMap;
use std::path::PathBuf;

pub(crate) use process::Conversion;
pub use serve::serve;

/// The first argument of a program that is to call [`serve`].
pub const ARGUMENT: &str = "convert-one-image";

/// How child processes are started: this program once more, which has to call [`serve`] where its first argument is
/// [`ARGUMENT`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Worker {
    /// All that a child gets of the environment: where the linker finds the codec, for example.
    pub environment: BTreeMap<String, String>,
}

impl Worker {
    /// This program's file.
    fn program() -> std::io::Result<PathBuf> {
        // The running program, even if another file has its name by now. Only Linux has such a name.
        if cfg!(target_os = "linux") { Ok("/proc/self/exe".into()) } else { std::env::current_exe() }
    }
}
