//! The resource limits of a child process. The child sets them itself before it reads an image.

use std::io;
use std::num::NonZeroU32;

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use serde::{Deserialize, Serialize};

/// The limits that the kernel enforces on a child process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ProcessLimits {
    /// The limit on private writable memory in bytes, until the image is decoded: heap, thread stacks and private
    /// mappings. Program code and shared memory do not count.
    pub(super) memory: u64,
    /// The limit on the CPU time of all threads together, in seconds.
    pub(super) cpu_seconds: Option<NonZeroU32>,
}

impl ProcessLimits {
    /// Applies the limits to this process. The process cannot raise a hard limit later.
    ///
    /// # Errors
    /// The kernel rejects a limit.
    pub(super) fn apply(self) -> io::Result<()> {
        // A core dump would contain the image.
        set_limit(Resource::RLIMIT_CORE, 0, 0)?;
        if let Some(seconds) = self.cpu_seconds {
            let seconds = u64::from(seconds.get());
            // At the soft limit, the kernel sends SIGXCPU, which shows the parent the reason. At the hard limit, it
            // sends SIGKILL.
            set_limit(Resource::RLIMIT_CPU, seconds, seconds + 1)?;
        }
        #[cfg(target_os = "linux")]
        self.apply_on_linux()?;
        // The process writes only to pipes, so this limit forbids writes to files.
        set_limit(Resource::RLIMIT_FSIZE, 0, 0)?;
        Ok(())
    }

    /// Raises the limit on memory before the image is encoded. The estimate covers the memory that the encoder writes
    /// to, but SVT-AV1 allocates 1.6 times as much memory, and the kernel counts all allocated memory.
    pub(super) fn raise_memory_limit(self) {
        #[cfg(target_os = "linux")]
        // If the call fails, the lower limit remains.
        let _ = set_limit(Resource::RLIMIT_DATA, self.encoding_memory(), self.encoding_memory());
    }

    #[cfg(target_os = "linux")]
    fn encoding_memory(self) -> u64 {
        self.memory.saturating_mul(2)
    }

    #[cfg(target_os = "linux")]
    fn apply_on_linux(self) -> io::Result<()> {
        use nix::sys::prctl;
        use nix::sys::signal::Signal;

        // The kernel kills the child when its parent ends.
        prctl::set_pdeathsig(Signal::SIGKILL)?;
        prctl::set_no_new_privs()?;
        set_limit(Resource::RLIMIT_DATA, self.memory, self.encoding_memory())?;
        // If the system runs out of memory, the kernel kills this process and not its parent. If /proc is missing, the
        // write fails, and the kernel decides which process it kills.
        let _ = std::fs::write("/proc/self/oom_score_adj", "1000");
        // If the conversion of an earlier image started a process that still runs, that process must not be able to
        // read this image.
        prctl::set_dumpable(false)?;
        Ok(())
    }
}

/// Sets a limit. If the current hard limit is lower than the requested limit, the hard limit is used instead.
fn set_limit(resource: Resource, soft: u64, hard: u64) -> nix::Result<()> {
    let (_, current_hard) = getrlimit(resource)?;
    setrlimit(resource, soft.min(current_hard), hard.min(current_hard))
}
