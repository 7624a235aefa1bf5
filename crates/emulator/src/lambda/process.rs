//! A process of an environment: the function's, or an extension's.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::process::{Child, Command};
use tokio::task::JoinHandle;

use super::Function;
use super::environment::REGION;
use super::journal::Journal;
use super::record::Category;

#[derive(Debug)]
pub(super) struct Process {
    child: Child,
    lines: Vec<JoinHandle<()>>,
    /// KiB.
    peak: Arc<AtomicU64>,
    watch: JoinHandle<()>,
}

/// How often a process's memory is looked at. Linux keeps the peak of each process, so only a child that lives shorter is
/// missed.
const LOOK: Duration = Duration::from_millis(20);

impl Process {
    /// Starts a program with these variables and no others.
    pub(super) fn start(
        program: &Path,
        category: Category,
        variables: BTreeMap<String, String>,
        journal: &Journal,
    ) -> io::Result<Self> {
        let mut child = Command::new(program)
            .env_clear()
            .envs(variables)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            // A Ctrl-C at the terminal is for the emulator, which then lets the function finish.
            .process_group(0)
            .spawn()?;
        let stdout = child.stdout.take().expect("it was just piped");
        let stderr = child.stderr.take().expect("it was just piped");
        let lines = vec![
            tokio::spawn(journal.clone().follow(stdout, category)),
            tokio::spawn(journal.clone().follow(stderr, category)),
        ];
        let peak = Arc::default();
        let watch = tokio::spawn(watch(child.id(), Arc::clone(&peak)));
        Ok(Self { child, lines, peak, watch })
    }

    /// Waits until it ends of itself.
    pub(super) async fn ended(&mut self) -> io::Result<ExitStatus> {
        self.child.wait().await
    }

    /// Ends it, and waits until its last line is logged.
    pub(super) async fn kill(&mut self) {
        // It fails only for a process that has ended, which is what is wanted.
        let _ = self.child.kill().await;
        for lines in self.lines.drain(..) {
            let _ = lines.await;
        }
    }

    /// Sends a signal, unless the process has ended.
    pub(super) fn signal(&self, signal: Signal) {
        let id = self.child.id().and_then(|id| i32::try_from(id).ok());
        if let Some(id) = id {
            // A process that ends at this moment needs no signal.
            let _ = kill(Pid::from_raw(id), signal);
        }
    }

    /// The most memory that it and its children ever held together, in MiB, where Linux tells.
    pub(super) fn peak_mib(&self) -> Option<u64> {
        let peak = self.peak.load(Ordering::Relaxed).max(memory_kib(self.child.id()?)?);
        Some(peak.div_ceil(1024))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.watch.abort();
    }
}

async fn watch(process: Option<u32>, peak: Arc<AtomicU64>) {
    while let Some(memory) = process.and_then(memory_kib) {
        peak.fetch_max(memory, Ordering::Relaxed);
        tokio::time::sleep(LOOK).await;
    }
}

/// The peak of a process, and those of its children that live (`proc_pid_status(5)`, `proc_tid_children(5)`).
fn memory_kib(process: u32) -> Option<u64> {
    let peak =
        |process: &str| model::peak_memory_kib(&std::fs::read_to_string(format!("/proc/{process}/status")).ok()?);
    let own = peak(&process.to_string())?;
    let threads = std::fs::read_dir(format!("/proc/{process}/task")).ok()?.flatten();
    let children = threads.filter_map(|thread| std::fs::read_to_string(thread.path().join("children")).ok());
    Some(own + children.flat_map(|ids| ids.split_whitespace().filter_map(peak).collect::<Vec<_>>()).sum::<u64>())
}

/// What Lambda sets (AWS Lambda developer guide, "Defined runtime environment variables"), then the function's own. An
/// extension has all of it but what only a runtime needs.
pub(super) fn variables(function: &Function, api: SocketAddr, category: Category) -> BTreeMap<String, String> {
    let log_group = format!("/aws/lambda/{}", function.name);
    let lambdas = [
        ("AWS_DEFAULT_REGION", REGION.into()),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", function.memory.to_string()),
        ("AWS_LAMBDA_FUNCTION_NAME", function.name.clone()),
        ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST".into()),
        ("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand".into()),
        ("AWS_LAMBDA_LOG_GROUP_NAME", log_group),
        ("AWS_LAMBDA_LOG_STREAM_NAME", format!("emulator/[$LATEST]{}", api.port())),
        ("AWS_LAMBDA_RUNTIME_API", api.to_string()),
        ("AWS_REGION", REGION.into()),
        ("LAMBDA_RUNTIME_DIR", "/var/runtime".into()),
        ("LAMBDA_TASK_ROOT", "/var/task".into()),
        ("LANG", "en_US.UTF-8".into()),
        ("PATH", "/usr/local/bin:/usr/bin/:/bin:/opt/bin".into()),
        ("TZ", ":UTC".into()),
        ("_HANDLER", "bootstrap".into()),
    ];
    // AWS Lambda developer guide, "Configuring Lambda extensions": what they do not see.
    let runtimes = [
        "AWS_LAMBDA_LOG_GROUP_NAME",
        "AWS_LAMBDA_LOG_STREAM_NAME",
        "LAMBDA_RUNTIME_DIR",
        "LAMBDA_TASK_ROOT",
        "_HANDLER",
    ];
    let seen = |name: &str| category != Category::Extension || !runtimes.contains(&name);
    let lambdas = lambdas.into_iter().filter(|(name, _)| seen(name)).map(|(name, value)| (name.to_owned(), value));
    lambdas.chain(function.environment.clone()).collect()
}
