use std::collections::BTreeMap;
use std::path::PathBuf;

/// The first argument of a child process. A program that is started with this argument must call
/// [`serve`](super::serve()).
pub const ARGUMENT: &str = "convert-one-image";

/// The settings of the child processes that convert images. A child runs the same program as its parent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Worker {
    /// All environment variables of the child, for example the path where the dynamic linker finds the codec.
    pub environment: BTreeMap<String, String>,
}

impl Worker {
    /// Returns the path of the running program.
    pub(super) fn program() -> std::io::Result<PathBuf> {
        // On Linux, this path refers to the running program even if its file was replaced.
        if cfg!(target_os = "linux") { Ok("/proc/self/exe".into()) } else { std::env::current_exe() }
    }
}
