//! The limits of a child process, which it sets itself before it reads an image.

use std::io;
use std::num::NonZeroU32;

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use serde::{Deserialize, Serialize};

/// The limits that the kernel holds a child process to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Confinement {
    /// Bytes of private, writable memory until the image is decoded: heap, stacks of threads and private mappings. The
    /// program's code and memory that is shared with other processes do not count.
    pub(super) memory: u64,
    /// Seconds of CPU time, all threads together.
    pub(super) cpu_seconds: Option<NonZeroU32>,
}

impl Confinement {
    /// Limits this process, for good.
    ///
    /// # Errors
    /// The kernel refuses a limit.
    pub(super) fn apply(self) -> io::Result<()> {
        // A core dump would contain the image.
        limit(Resource::RLIMIT_CORE, 0, 0)?;
        if let Some(seconds) = self.cpu_seconds {
            let seconds = u64::from(seconds.get());
            // SIGXCPU, at the first limit, tells the parent the reason. SIGKILL, at the second, would not.
            limit(Resource::RLIMIT_CPU, seconds, seconds + 1)?;
        }
        #[cfg(target_os = "linux")]
        self.apply_on_linux()?;
        // It writes to pipes only.
        limit(Resource::RLIMIT_FSIZE, 0, 0)?;
        Ok(())
    }

    /// Raises the limit on memory, before the image is encoded. The estimate covers the memory that the encoder writes to, but
    /// SVT-AV1 allocates 1.6 times as much, and the kernel counts all of it.
    pub(super) fn relax(self) {
        #[cfg(target_os = "linux")]
        // If that fails, the lower limit stays.
        let _ = limit(Resource::RLIMIT_DATA, self.most_memory(), self.most_memory());
    }

    #[cfg(target_os = "linux")]
    fn most_memory(self) -> u64 {
        self.memory.saturating_mul(2)
    }

    #[cfg(target_os = "linux")]
    fn apply_on_linux(self) -> io::Result<()> {
        use nix::sys::prctl;
        use nix::sys::signal::Signal;

        // The child ends with its parent.
        prctl::set_pdeathsig(Signal::SIGKILL)?;
        prctl::set_no_new_privs()?;
        limit(Resource::RLIMIT_DATA, self.memory, self.most_memory())?;
        // If the system runs out of memory, it ends this process rather than its parent. Without /proc, it chooses itself.
        let _ = std::fs::write("/proc/self/oom_score_adj", "1000");
        // A process that an earlier image left behind must not read this image.
        prctl::set_dumpable(false)?;
        Ok(())
    }
}

/// Sets a limit, or keeps the one there is if that is lower.
fn limit(resource: Resource, soft: u64, hard: u64) -> nix::Result<()> {
    let (_, most) = getrlimit(resource)?;
    setrlimit(resource, soft.min(most), hard.min(most))
}
