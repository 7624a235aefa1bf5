//! The parent process: starts a child process, sends it a request and reads its response.

use std::io;
use std::os::unix::process::ExitStatusExt;
use std::process::{ExitStatus, Stdio};

use bytes::Bytes;
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::process::{Child, Command};

use super::message::{RequestHeader, read_response, write_header};
use super::process_limits::ProcessLimits;
use super::program::{ARGUMENT, Worker};
use crate::Error;
use crate::timed_conversion::{ConversionRequest, TimedConversion};

/// The memory in bytes that the parent uses for its SDK, connections and threads. Prefetched files have a separate
/// limit. A measurement after 10,000 images showed 16 MiB.
const PARENT_MEMORY: u64 = 24 << 20;
/// The maximum number of bytes of a child's standard error in an error message.
const MAX_STDERR_BYTES: u64 = 200;

/// A child process that converts one image.
pub(crate) struct WorkerProcess {
    child: Child,
    limits: ProcessLimits,
    /// Whether the child has started a quality search.
    pub(crate) is_searching: bool,
}

impl WorkerProcess {
    /// Starts a child process, which waits for the request.
    pub(crate) fn start(worker: &Worker, request: &ConversionRequest) -> Result<Self, Error> {
        let memory = request.limits.memory.saturating_sub(PARENT_MEMORY).max(PARENT_MEMORY);
        let limits = ProcessLimits { memory, cpu_seconds: request.limits.cpu_seconds };
        let start = |program| {
            Command::new(program)
                .arg(ARGUMENT)
                .env_clear()
                .envs(&worker.environment)
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .kill_on_drop(true)
                // The child gets its own process group, so that the parent can kill the child together with the
                // processes that the child started.
                .process_group(0)
                .spawn()
        };
        let child = Worker::program().and_then(start);
        let child = child.map_err(|error| Error::WorkerFailed { message: format!("it cannot be started: {error}") })?;
        Ok(Self { child, limits, is_searching: false })
    }

    /// Sends the request and the image, and waits for the response.
    pub(crate) async fn run(&mut self, bytes: Bytes, request: ConversionRequest) -> Result<TimedConversion, Error> {
        let max_bytes = self.limits.memory;
        let header = RequestHeader { request, limits: self.limits, length: bytes.len() as u64 };
        let stdin = self.child.stdin.take().expect("stdin is piped and run is called once");
        let mut stdout = self.child.stdout.take().expect("stdout is piped and run is called once");
        let stderr = self.child.stderr.take().expect("stderr is piped and run is called once");
        let mut is_searching = false;
        let response = async {
            let response = read_response(&mut stdout, max_bytes, &mut is_searching).await;
            // If the child exits early, the pipe ends, and the exit status of the child shows the reason. After any
            // other result, the child has no more work, so it is killed.
            let has_exited_early = response.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::UnexpectedEof);
            if !has_exited_early {
                self.kill_group();
            }
            response
        };
        let (sent, response, stderr) = tokio::join!(send(stdin, &header, bytes), response, read_stderr(stderr));
        self.is_searching = is_searching;
        let status = self.child.wait().await.map_err(|error| worker_failed(&error))?;
        match response {
            Ok(result) => result,
            Err(error) if error.kind() != io::ErrorKind::UnexpectedEof => Err(worker_failed(&error)),
            Err(error) if status.success() => Err(worker_failed(&sent.err().unwrap_or(error))),
            Err(_) => Err(self.explain_exit(status, &stderr)),
        }
    }

    /// Kills the child and waits until its memory is free.
    pub(crate) async fn kill(&mut self) {
        self.kill_group();
        // The kill fails only if the process has already ended.
        let _ = self.child.kill().await;
    }

    /// Kills the child and every process that it started, unless the child has ended.
    fn kill_group(&self) {
        if let Some(id) = self.child.id().and_then(|id| i32::try_from(id).ok()) {
            let _ = killpg(Pid::from_raw(id), Signal::SIGKILL);
        }
    }

    /// Returns the error for a child that exited without a response.
    fn explain_exit(&self, status: ExitStatus, stderr: &str) -> Error {
        let signal = status.signal().and_then(|signal| Signal::try_from(signal).ok());
        let limit_mib = self.limits.memory >> 20;
        match (signal, self.limits.cpu_seconds) {
            (Some(Signal::SIGXCPU), Some(limit)) => Error::CpuTimeExceeded { needed: None, limit },
            // If an allocation fails in Rust code, Rust prints this message. If an allocation fails in libavif, the
            // process aborts without a message.
            _ if stderr.contains("memory allocation of") => Error::OutOfMemory { limit_mib },
            (Some(Signal::SIGABRT), _) if stderr.is_empty() => Error::OutOfMemory { limit_mib },
            // The kernel sent this signal, because this function is not called for a child that the parent killed.
            (Some(Signal::SIGKILL), _) => Error::Killed,
            _ => Error::Crashed { status: status.to_string(), stderr: stderr.to_owned() },
        }
    }
}

/// Writes the request. The write fails if the child exits early. In this case the exit status of the child shows the
/// reason.
async fn send(mut to: impl AsyncWrite + Unpin, header: &RequestHeader, bytes: Bytes) -> io::Result<()> {
    let mut text = vec![];
    write_header(&mut text, header)?;
    to.write_all(&text).await?;
    to.write_all(&bytes).await
}

/// Reads the beginning of the child's standard error, and returns it on one line.
async fn read_stderr(mut from: impl AsyncRead + Unpin) -> String {
    let mut text = vec![];
    // The rest is read and discarded, because a full pipe would block the child.
    let _ = (&mut from).take(MAX_STDERR_BYTES).read_to_end(&mut text).await;
    let _ = tokio::io::copy(&mut from, &mut tokio::io::sink()).await;
    let text = String::from_utf8_lossy(&text);
    text.split(char::is_control).filter(|line| !line.is_empty()).collect::<Vec<_>>().join(" ")
}

fn worker_failed(error: &io::Error) -> Error {
    Error::WorkerFailed { message: error.to_string() }
}
