//! The function's process.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::process::{ExitStatus, Stdio};

use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::mpsc::UnboundedSender;
use tokio::task::JoinHandle;

use super::Function;
use super::environment::REGION;

#[derive(Debug)]
pub(super) struct Process {
    child: Child,
    lines: Vec<JoinHandle<()>>,
}

impl Process {
    /// Starts the function against that API. Its lines go to `log`.
    pub(super) fn start(function: &Function, api: SocketAddr, log: &UnboundedSender<String>) -> io::Result<Self> {
        let mut child = Command::new(&function.program)
            .env_clear()
            .envs(variables(function, api))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            // A Ctrl-C at the terminal is for the emulator, which then lets the function finish.
            .process_group(0)
            .spawn()?;
        let stdout = child.stdout.take().expect("it was just piped");
        let stderr = child.stderr.take().expect("it was just piped");
        let lines = vec![tokio::spawn(pump(stdout, log.clone())), tokio::spawn(pump(stderr, log.clone()))];
        Ok(Self { child, lines })
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

    /// The most memory it ever held, in MiB, where Linux tells.
    pub(super) fn peak_mib(&self) -> Option<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()?)).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
        let kibibytes: u64 = line.trim().trim_end_matches(" kB").parse().ok()?;
        Some(kibibytes.div_ceil(1024))
    }
}

async fn pump(output: impl AsyncRead + Unpin, log: UnboundedSender<String>) {
    let mut lines = BufReader::new(output).split(b'\n');
    while let Ok(Some(line)) = lines.next_segment().await {
        if log.send(String::from_utf8_lossy(&line).into_owned()).is_err() {
            return;
        }
    }
}

/// What Lambda sets (AWS Lambda developer guide, "Defined runtime environment variables"), then the function's own.
fn variables(function: &Function, api: SocketAddr) -> BTreeMap<String, String> {
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
    let lambdas = lambdas.map(|(name, value)| (name.to_owned(), value));
    lambdas.into_iter().chain(function.environment.clone()).collect()
}
