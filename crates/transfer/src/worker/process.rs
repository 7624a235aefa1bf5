//! The parent's side.

use std::io;
use std::os::unix::process::ExitStatusExt;
use std::process::{ExitStatus, Stdio};

use bytes::Bytes;
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::process::{Child, Command};

use super::confine::Confinement;
use super::message::{RequestHeader, read_response, write_header};
use super::{ARGUMENT, Worker};
use crate::Error;
use crate::work::{Request, Work};

/// Bytes of memory that the parent itself takes: its SDK, its connections and its threads. Files that wait have a limit of
/// their own. Measured: 16 MiB after 10,000 images.
const PARENT: u64 = 24 << 20;
/// Bytes of a child's standard error that are kept for the reason of a failure.
const LONGEST_STDERR: u64 = 200;

/// A child process that converts one image.
pub(crate) struct Conversion {
    child: Child,
    confinement: Confinement,
    /// Whether it has begun to search for a quality.
    pub(crate) is_searching: bool,
}

impl Conversion {
    /// Starts it.
    pub(crate) fn start(worker: &Worker, request: &Request) -> Result<Self, Error> {
        let memory = request.limits.memory.saturating_sub(PARENT).max(PARENT);
        let confinement = Confinement { memory, cpu_seconds: request.limits.cpu_seconds };
        let start = |program| {
            Command::new(program)
                .arg(ARGUMENT)
                .env_clear()
                .envs(&worker.environment)
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .kill_on_drop(true)
                // It ends with all that it started.
                .process_group(0)
                .spawn()
        };
        let child = Worker::program().and_then(start);
        let child = child.map_err(|error| Error::WorkerFailed { message: format!("cannot be started: {error}") })?;
        Ok(Self { child, confinement, is_searching: false })
    }

    /// Has the image converted.
    pub(crate) async fn run(&mut self, bytes: Bytes, request: Request) -> Result<Work, Error> {
        let most = self.confinement.memory;
        let header = RequestHeader { request, confinement: self.confinement, length: bytes.len() as u64 };
        let stdin = self.child.stdin.take().expect("it was piped, and is taken once");
        let mut stdout = self.child.stdout.take().expect("it was piped, and is taken once");
        let stderr = self.child.stderr.take().expect("it was piped, and is taken once");
        let mut is_searching = false;
        let response = async {
            let response = read_response(&mut stdout, most, &mut is_searching).await;
            // A child that ends early closes the pipe. After any other answer it has nothing left to do.
            let is_early_end = response.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::UnexpectedEof);
            if !is_early_end {
                self.kill_group();
            }
            response
        };
        let (sent, response, stderr) = tokio::join!(send(stdin, &header, bytes), response, read_stderr(stderr));
        self.is_searching = is_searching;
        let status = self.child.wait().await.map_err(|error| worker_error(&error))?;
        match response {
            Ok(result) => result,
            Err(error) if error.kind() != io::ErrorKind::UnexpectedEof => Err(worker_error(&error)),
            Err(error) if status.success() => Err(worker_error(&sent.err().unwrap_or(error))),
            Err(_) => Err(self.explain(status, &stderr)),
        }
    }

    /// Ends it, whatever it does, and waits until its memory is free.
    pub(crate) async fn kill(&mut self) {
        self.kill_group();
        // It fails only for a process that has ended, which is what is wanted.
        let _ = self.child.kill().await;
    }

    /// Ends the child and every process that it started, unless it has ended.
    fn kill_group(&self) {
        if let Some(id) = self.child.id().and_then(|id| i32::try_from(id).ok()) {
            let _ = killpg(Pid::from_raw(id), Signal::SIGKILL);
        }
    }

    /// Why there is no response.
    fn explain(&self, status: ExitStatus, stderr: &str) -> Error {
        let signal = status.signal().and_then(|signal| Signal::try_from(signal).ok());
        let limit_mib = self.confinement.memory >> 20;
        match (signal, self.confinement.cpu_seconds) {
            (Some(Signal::SIGXCPU), Some(limit)) => Error::CpuTimeExceeded { needed: None, limit },
            // If an allocation fails, Rust prints this message, and libavif aborts without one.
            _ if stderr.contains("memory allocation of") => Error::OutOfMemory { limit_mib },
            (Some(Signal::SIGABRT), _) if stderr.is_empty() => Error::OutOfMemory { limit_mib },
            // The system's doing: the parent reads no status of a child that it killed.
            (Some(Signal::SIGKILL), _) => Error::Killed,
            _ => Error::Crashed { status: status.to_string(), stderr: stderr.to_owned() },
        }
    }
}

/// Writes the request. It fails if the child ends early, and the child's status then says why.
async fn send(mut to: impl AsyncWrite + Unpin, header: &RequestHeader, bytes: Bytes) -> io::Result<()> {
    let mut text = vec![];
    write_header(&mut text, header)?;
    to.write_all(&text).await?;
    to.write_all(&bytes).await
}

/// The beginning of the child's standard error, on one line.
async fn read_stderr(mut from: impl AsyncRead + Unpin) -> String {
    let mut text = vec![];
    // The rest is read as well: a full pipe would stop the child.
    let _ = (&mut from).take(LONGEST_STDERR).read_to_end(&mut text).await;
    let _ = tokio::io::copy(&mut from, &mut tokio::io::sink()).await;
    let text = String::from_utf8_lossy(&text);
    text.split(char::is_control).filter(|line| !line.is_empty()).collect::<Vec<_>>().join(" ")
}

fn worker_error(error: &io::Error) -> Error {
    Error::WorkerFailed { message: error.to_string() }
}
