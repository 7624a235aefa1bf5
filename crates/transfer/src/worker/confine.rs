//! What a child process may not do, from the moment on at which it reads an image.

use std::io;
use std::num::NonZeroU32;

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use serde::{Deserialize, Serialize};

/// The limits that the kernel holds a child process to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Confinement {
    /// Bytes of memory that it may write to until all that somebody else wrote is read: heap, stacks of threads, and mapped
    /// memory of its own. The program's code and what is shared with other processes does not count.
    pub(super) memory: u64,
    /// Seconds of CPU time, all threads together.
    pub(super) cpu_seconds: Option<NonZeroU32>,
}

impl Confinement {
    /// Limits this process, for good.
    ///
    /// # Errors
    /// What the kernel says.
    pub(super) fn apply(self) -> io::Result<()> {
        // A dump would be of somebody's image.
        limit(Resource::RLIMIT_CORE, 0, 0)?;
        if let Some(seconds) = self.cpu_seconds {
            let seconds = u64::from(seconds.get());
            // SIGXCPU ends it at the first limit. SIGKILL, which says less, would end it at the second.
            limit(Resource::RLIMIT_CPU, seconds, seconds + 1)?;
        }
        #[cfg(target_os = "linux")]
        self.apply_on_linux()?;
        // It writes to its parent alone.
        limit(Resource::RLIMIT_FSIZE, 0, 0)?;
        Ok(())
    }

    /// Gives the encoder room to allocate. What it touches follows from the image's size and was estimated, but SVT-AV1
    /// allocates 1.6 times as much, all of which counts.
    pub(super) fn relax(self) {
        #[cfg(target_os = "linux")]
        // It stays as it is where the limit cannot be raised.
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

        // With its parent, it ends.
        prctl::set_pdeathsig(Signal::SIGKILL)?;
        prctl::set_no_new_privs()?;
        limit(Resource::RLIMIT_DATA, self.memory, self.most_memory())?;
        // Where the system runs out of memory, it ends this process rather than its parent. It does without where /proc is
        // not mounted.
        let _ = std::fs::write("/proc/self/oom_score_adj", "1000");
        // A process that an earlier image left behind must not read this one's.
        prctl::set_dumpable(false)?;
        Ok(())
    }
}

/// Sets a limit, or leaves a lower one that there is.
fn limit(resource: Resource, soft: u64, hard: u64) -> nix::Result<()> {
    let (_, most) = getrlimit(resource)?;
    setrlimit(resource, soft.min(most), hard.min(most))
}
