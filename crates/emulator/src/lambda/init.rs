//! The init phase: starts the extensions, then the function, and waits until each has requested its first event.

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::net::TcpListener;
use tokio::sync::mpsc::UnboundedSender;
use tokio::time::timeout;
use uuid::Uuid;

use super::environment::Environment;
use super::extensions_api::{self, ExtensionsApi};
use super::function::Function;
use super::invocation::FunctionError;
use super::log_stream::LogStream;
use super::process::{Process, describe_exit, wait_for_crash};
use super::record::{Category, Record};
use super::registry::Registry;
use super::runtime_api::{self, RuntimeApi};
use super::telemetry::Telemetry;
use super::variables::environment_variables;

/// The time limit for the init phase (AWS Lambda developer guide, "Init phase").
const INIT_TIMEOUT: Duration = Duration::from_secs(10);

impl Environment {
    /// Starts the processes and waits until each has requested its first event. Returns the duration of the init phase.
    pub(super) async fn start(
        function: &Function,
        log: UnboundedSender<String>,
    ) -> Result<(Self, Duration), FunctionError> {
        let init_error = |error: io::Error| FunctionError::new("Runtime.InitError", error.to_string());
        let listener = TcpListener::bind("127.0.0.1:0").await.map_err(init_error)?;
        let address = listener.local_addr().map_err(init_error)?;
        let extensions = &function.extensions;
        let telemetry = Arc::new(Telemetry::new(extensions.telemetry_api, extensions.telemetry_schemas.clone()));
        let registry = Arc::new(Registry::new(extensions.programs.iter().map(|path| file_name(path)).collect()));
        let (routes, mut api) = runtime_api::routes();
        let extensions_api = ExtensionsApi {
            function_name: function.name.clone(),
            registry: registry.clone(),
            telemetry: telemetry.clone(),
        };
        let routes = routes.merge(extensions_api::routes(extensions_api));
        let server = tokio::spawn(async move { axum::serve(listener, routes).await });
        let is_json = function.environment.get("AWS_LAMBDA_LOG_FORMAT").is_some_and(|format| format == "JSON");
        let log_stream = LogStream { log, telemetry: telemetry.clone(), is_json };
        telemetry.publish(Record::init_start(&function.name, function.memory, &Uuid::new_v4().to_string()));

        let started = Instant::now();
        let mut extensions = vec![];
        let ready = async {
            let process = start_processes(function, address, &log_stream, &registry, &mut extensions, &mut api).await?;
            Ok((process, started.elapsed()))
        };
        let ready = timeout(INIT_TIMEOUT, ready).await.unwrap_or_else(|_| {
            let seconds = INIT_TIMEOUT.as_secs();
            Err(FunctionError::new("Sandbox.Timedout", format!("no first poll within {seconds} s of its start")))
        });
        telemetry.publish(Record::init_report(started.elapsed(), ready.as_ref().err()));
        telemetry.close_subscriptions();
        match ready {
            Ok((process, init)) => Ok((Self::new(process, extensions, api, registry, log_stream, server), init)),
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

/// Starts the processes, and returns the function's process when all have requested an event. Stores the processes of
/// the extensions in `extensions`, so that the caller can kill them if this fails.
async fn start_processes(
    function: &Function,
    address: SocketAddr,
    log_stream: &LogStream,
    registry: &Registry,
    extensions: &mut Vec<Process>,
    api: &mut RuntimeApi,
) -> Result<Process, FunctionError> {
    for program in &function.extensions.programs {
        let variables = environment_variables(function, address, Category::Extension);
        let extension = Process::start(program, Category::Extension, variables, log_stream)
            .map_err(|error| FunctionError::new("Extension.LaunchError", format!("{}: {error}", program.display())))?;
        extensions.push(extension);
    }
    tokio::select! {
        registered = registry.wait_until_registered() => registered?,
        error = wait_for_crash(extensions) => return Err(error),
    }
    let variables = environment_variables(function, address, Category::Function);
    let mut process =
        Process::start(&function.program, Category::Function, variables, log_stream).map_err(|error| {
            FunctionError::new("Runtime.InvalidEntrypoint", format!("{}: {error}", function.program.display()))
        })?;
    let polled = wait_for_first_poll(&mut process, api).await;
    log_stream.telemetry.publish(Record::init_runtime_done(polled.as_ref().err()));
    if polled.is_err() {
        // `kill` also copies the last lines of the process to the log.
        process.kill().await;
    }
    polled?;
    tokio::select! {
        idle = registry.wait_until_idle() => idle?,
        error = wait_for_crash(extensions) => return Err(error),
    }
    Ok(process)
}

/// Returns when the process has requested its first event, has reported an init error, or has exited.
async fn wait_for_first_poll(process: &mut Process, api: &mut RuntimeApi) -> Result<(), FunctionError> {
    tokio::select! {
        polled = api.init.wait_for(Option::is_some) => {
            let closed = || FunctionError::new("Runtime.ExitError", "the API was closed");
            polled.map_err(|_| closed())?.clone().ok_or_else(closed)?
        }
        status = process.wait() => Err(FunctionError::new("Runtime.ExitError", describe_exit(&status))),
    }
}

fn file_name(program: &Path) -> String {
    program.file_name().unwrap_or_default().to_string_lossy().into_owned()
}
