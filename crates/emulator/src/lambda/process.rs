//! A process of an execution environment: the function's or an extension's.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_util::future::select_all;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::process::{Child, Command};
use tokio::task::JoinHandle;

use super::invocation::FunctionError;
use super::log_stream::LogStream;
use super::record::Category;

#[derive(Debug)]
pub(super) struct Process {
    child: Child,
    /// The tasks that copy standard output and standard error to the log.
    output: Vec<JoinHandle<()>>,
    peak_memory_kib: Arc<AtomicU64>,
    memory_poll: JoinHandle<()>,
}

/// The interval at which the memory of a process is read. Linux stores the peak memory of a running process, so only
/// child processes with a shorter life than this are missed.
const MEMORY_POLL_INTERVAL: Duration = Duration::from_millis(20);

impl Process {
    /// Starts a program with these environment variables and no others.
    pub(super) fn start(
        program: &Path,
        category: Category,
        variables: BTreeMap<String, String>,
        log_stream: &LogStream,
    ) -> io::Result<Self> {
        let mut child = Command::new(program)
            .env_clear()
            .envs(variables)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            // A separate process group: Ctrl-C in the terminal then stops only the emulator, which lets the function
            // finish.
            .process_group(0)
            .spawn()?;
        let stdout = child.stdout.take().expect("stdout is piped");
        let stderr = child.stderr.take().expect("stderr is piped");
        let output = vec![
            tokio::spawn(log_stream.clone().copy_lines(stdout, category)),
            tokio::spawn(log_stream.clone().copy_lines(stderr, category)),
        ];
        let peak_memory_kib = Arc::default();
        let memory_poll = tokio::spawn(poll_memory(child.id(), Arc::clone(&peak_memory_kib)));
        Ok(Self { child, output, peak_memory_kib, memory_poll })
    }

    /// Waits until the process exits.
    pub(super) async fn wait(&mut self) -> io::Result<ExitStatus> {
        self.child.wait().await
    }

    /// Kills the process, and waits until its last line is in the log.
    pub(super) async fn kill(&mut self) {
        // This fails only if the process has already ended.
        let _ = self.child.kill().await;
        for output in self.output.drain(..) {
            let _ = output.await;
        }
    }

    /// Sends a signal, unless the process has ended.
    pub(super) fn signal(&self, signal: Signal) {
        let id = self.child.id().and_then(|id| i32::try_from(id).ok());
        if let Some(id) = id {
            // This fails only if the process exits at the same time.
            let _ = kill(Pid::from_raw(id), signal);
        }
    }

    /// The peak memory of the process together with its children, in MiB. `None` if the system has no `/proc`.
    pub(super) fn peak_memory_mib(&self) -> Option<u64> {
        let peak = self.peak_memory_kib.load(Ordering::Relaxed).max(memory_kib(self.child.id()?)?);
        Some(peak.div_ceil(1024))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.memory_poll.abort();
    }
}

/// Waits until an extension exits. Before the shutdown phase, this is always an error.
pub(super) async fn wait_for_crash(extensions: &mut [Process]) -> FunctionError {
    if extensions.is_empty() {
        return std::future::pending().await;
    }
    let (status, ..) = select_all(extensions.iter_mut().map(|extension| Box::pin(extension.wait()))).await;
    FunctionError::new("Extension.Crash", describe_exit(&status).replacen("Runtime", "Extension", 1))
}

/// Returns the message with which Lambda reports the exit of the runtime's process.
pub(super) fn describe_exit(status: &io::Result<ExitStatus>) -> String {
    match status {
        // Rust writes "exit status: 1". Lambda omits the colon.
        Ok(status) => format!("Runtime exited with error: {}", status.to_string().replacen(':', "", 1)),
        Err(error) => format!("Runtime exited with error: {error}"),
    }
}

async fn poll_memory(process: Option<u32>, peak: Arc<AtomicU64>) {
    while let Some(memory) = process.and_then(memory_kib) {
        peak.fetch_max(memory, Ordering::Relaxed);
        tokio::time::sleep(MEMORY_POLL_INTERVAL).await;
    }
}

/// Returns the peak memory of a process plus that of each running child, in KiB (`proc_pid_status(5)`,
/// `proc_tid_children(5)`).
fn memory_kib(process: u32) -> Option<u64> {
    let peak =
        |process: &str| model::peak_memory_kib(&std::fs::read_to_string(format!("/proc/{process}/status")).ok()?);
    let own = peak(&process.to_string())?;
    let threads = std::fs::read_dir(format!("/proc/{process}/task")).ok()?.flatten();
    let children = threads.filter_map(|thread| std::fs::read_to_string(thread.path().join("children")).ok());
    Some(own + children.flat_map(|ids| ids.split_whitespace().filter_map(peak).collect::<Vec<_>>()).sum::<u64>())
}
