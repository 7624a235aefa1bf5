//! The init phase: extensions first, then the function, until all of them wait for an event.

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::process::ExitStatus;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::select_all;
use tokio::net::TcpListener;
use tokio::sync::mpsc::UnboundedSender;
use tokio::time::timeout;
use uuid::Uuid;

use super::Function;
use super::api::{self, Desk};
use super::beside::{self, Beside};
use super::environment::Environment;
use super::invocation::FunctionError;
use super::journal::Journal;
use super::process::{Process, variables};
use super::record::{Category, Record};
use super::registry::Registry;
use super::telemetry::Telemetry;

/// How long all may take to their first poll (AWS Lambda developer guide, "Init phase").
const LONGEST: Duration = Duration::from_secs(10);

impl Environment {
    /// Starts the processes and waits until all wait for an event. Gives the time that took.
    pub(super) async fn start(
        function: &Function,
        log: UnboundedSender<String>,
    ) -> Result<(Self, Duration), FunctionError> {
        let failed = |error: io::Error| FunctionError::new("Runtime.InitError", error.to_string());
        let listener = TcpListener::bind("127.0.0.1:0").await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let telemetry = Arc::new(Telemetry::new(function.beside.telemetry, function.beside.schemas.clone()));
        let registry = Arc::new(Registry::new(function.beside.extensions.iter().map(|path| name(path)).collect()));
        let (routes, mut desk) = api::open();
        let beside =
            Beside { function: function.name.clone(), registry: registry.clone(), telemetry: telemetry.clone() };
        let routes = routes.merge(beside::routes(beside));
        let server = tokio::spawn(async move { axum::serve(listener, routes).await });
        let json = function.environment.get("AWS_LAMBDA_LOG_FORMAT").is_some_and(|format| format == "JSON");
        let journal = Journal { log, telemetry: telemetry.clone(), json };
        telemetry.say(Record::init_start(function, &Uuid::new_v4().to_string()));

        let begun = Instant::now();
        let mut extensions = vec![];
        let ready = async {
            let process = processes(function, address, &journal, &registry, &mut extensions, &mut desk).await?;
            Ok((process, begun.elapsed()))
        };
        let ready = timeout(LONGEST, ready).await.unwrap_or_else(|_| {
            let seconds = LONGEST.as_secs();
            Err(FunctionError::new("Sandbox.Timedout", format!("no first poll within {seconds} s of its start")))
        });
        telemetry.say(Record::init_report(begun.elapsed(), ready.as_ref().err()));
        telemetry.close();
        match ready {
            Ok((process, init)) => Ok((Self::new(process, extensions, desk, registry, journal, server), init)),
            Err(error) => {
                for extension in &mut extensions {
                    extension.kill().await;
                }
                server.abort();
                Err(error)
            }
        }
    }
}

/// Starts everything, and waits until everything waits.
async fn processes(
    function: &Function,
    address: SocketAddr,
    journal: &Journal,
    registry: &Registry,
    extensions: &mut Vec<Process>,
    desk: &mut Desk,
) -> Result<Process, FunctionError> {
    for program in &function.beside.extensions {
        let variables = variables(function, address, Category::Extension);
        let extension = Process::start(program, Category::Extension, variables, journal)
            .map_err(|error| FunctionError::new("Extension.LaunchError", format!("{}: {error}", program.display())))?;
        extensions.push(extension);
    }
    tokio::select! {
        registered = registry.registered() => registered?,
        error = crash(extensions) => return Err(error),
    }
    let variables = variables(function, address, Category::Function);
    let mut process = Process::start(&function.program, Category::Function, variables, journal).map_err(|error| {
        FunctionError::new("Runtime.InvalidEntrypoint", format!("{}: {error}", function.program.display()))
    })?;
    let polled = first_poll(&mut process, desk).await;
    journal.telemetry.say(Record::init_runtime_done(polled.as_ref().err()));
    if polled.is_err() {
        // So that its last words are in the log.
        process.kill().await;
    }
    polled?;
    tokio::select! {
        idle = registry.idle() => idle?,
        error = crash(extensions) => return Err(error),
    }
    Ok(process)
}

/// Waits until the process has polled, has said why it cannot, or is gone.
async fn first_poll(process: &mut Process, desk: &mut Desk) -> Result<(), FunctionError> {
    tokio::select! {
        polled = desk.init.wait_for(Option::is_some) => {
            let closed = || FunctionError::new("Runtime.ExitError", "the API was closed");
            polled.map_err(|_| closed())?.clone().ok_or_else(closed)?
        }
        status = process.ended() => Err(FunctionError::new("Runtime.ExitError", exit(&status))),
    }
}

/// Waits until an extension ends, which none may.
pub(super) async fn crash(extensions: &mut [Process]) -> FunctionError {
    if extensions.is_empty() {
        return std::future::pending().await;
    }
    let (status, ..) = select_all(extensions.iter_mut().map(|extension| Box::pin(extension.ended()))).await;
    FunctionError::new("Extension.Crash", exit(&status).replacen("Runtime", "Extension", 1))
}

pub(super) fn exit(status: &io::Result<ExitStatus>) -> String {
    match status {
        // "exit status: 1", where Lambda leaves the colon out.
        Ok(status) => format!("Runtime exited with error: {}", status.to_string().replacen(':', "", 1)),
        Err(error) => format!("Runtime exited with error: {error}"),
    }
}

fn name(program: &Path) -> String {
    program.file_name().unwrap_or_default().to_string_lossy().into_owned()
}
