//! One execution environment: an API server, the function's process and its extensions. It handles one event at a time,
//! and is frozen between events.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use nix::sys::signal::Signal;
use serde_json::{Value, json};
use tokio::sync::{Notify, oneshot};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use uuid::Uuid;

use super::function::{Function, REGION};
use super::invocation::{FunctionError, Invocation};
use super::log_stream::LogStream;
use super::process::{Process, describe_exit, wait_for_crash};
use super::record::{InvocationResult, Record, billed_milliseconds};
use super::registry::Registry;
use super::runtime_api::{InvocationRequest, PendingInvocation, RuntimeApi};

/// The time limit of the shutdown phase in an environment with an extension, and the part of this time that the runtime
/// has (AWS Lambda developer guide, "Shutdown phase").
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(2);
const RUNTIME_SHUTDOWN_TIMEOUT: Duration = Duration::from_millis(300);

#[derive(Debug)]
pub(super) struct Environment {
    process: Process,
    extensions: Vec<Process>,
    api: RuntimeApi,
    registry: Arc<Registry>,
    log_stream: LogStream,
    server: JoinHandle<io::Result<()>>,
    is_alive: bool,
}

/// An invocation after the function's response and before Lambda's report. Extensions may still be running.
#[derive(Debug)]
pub(super) struct UnreportedInvocation {
    request: Arc<InvocationRequest>,
    result: InvocationResult,
    started: Instant,
    /// The number of requests for a next event that the runtime had sent when the invocation began.
    polls: u64,
}

impl Environment {
    pub(super) fn new(
        process: Process,
        extensions: Vec<Process>,
        api: RuntimeApi,
        registry: Arc<Registry>,
        log_stream: LogStream,
        server: JoinHandle<io::Result<()>>,
    ) -> Self {
        Self { process, extensions, api, registry, log_stream, server, is_alive: true }
    }

    /// Whether the environment can handle another event.
    pub(super) fn is_alive(&self) -> bool {
        self.is_alive
    }

    pub(super) fn has_extensions(&self) -> bool {
        !self.extensions.is_empty()
    }

    /// Sends the event to the function and to extensions. Returns after the response, the end of a process or the
    /// timeout.
    pub(super) async fn invoke(
        &mut self,
        request_id: &str,
        event: &Value,
        function: &Function,
        init_duration: Option<Duration>,
        kill: &Notify,
    ) -> (Invocation, UnreportedInvocation) {
        self.set_frozen(false);
        let deadline = unix_milliseconds(SystemTime::now() + function.timeout);
        let request = Arc::new(InvocationRequest {
            id: request_id.into(),
            event: event.to_string(),
            deadline_ms: deadline,
            arn: format!("arn:aws:lambda:{REGION}:123456789012:function:{}", function.name),
            trace_id: new_trace_header(),
            span_id: new_span_id(),
        });
        self.log_stream.write(format!("START RequestId: {request_id} Version: $LATEST"));
        self.log_stream.telemetry.publish(Record::start(&request));
        self.registry.send_event(
            "INVOKE",
            &json!({
                "eventType": "INVOKE", "deadlineMs": u64::try_from(deadline).unwrap_or(u64::MAX),
                "requestId": request_id, "invokedFunctionArn": request.arn,
                "tracing": { "type": "X-Amzn-Trace-Id", "value": request.trace_id },
            }),
        );
        let polls = *self.api.polls.borrow();
        let started = Instant::now();
        let response = self.wait_for_response(request.clone(), function.timeout, kill).await;
        let duration = started.elapsed();
        let produced_bytes = response.as_ref().map_or(0, Bytes::len);
        let result =
            response.and_then(|bytes| parse_response(&bytes)).map_err(|error| with_request_id(request_id, error));
        let reported = InvocationResult { duration, produced_bytes, error: result.as_ref().err().cloned() };
        self.log_stream.telemetry.publish(Record::runtime_done(&request, &reported));
        let invocation = Invocation { request_id: request_id.into(), result, duration, init_duration };
        (invocation, UnreportedInvocation { request, result: reported, started, polls })
    }

    async fn wait_for_response(
        &mut self,
        request: Arc<InvocationRequest>,
        limit: Duration,
        kill: &Notify,
    ) -> Result<Bytes, FunctionError> {
        let killed = kill.notified();
        let (sender, response) = oneshot::channel();
        // The queue has room for this invocation: the runtime has already taken the previous one.
        let sent = self.api.invocations.try_send(PendingInvocation { request, response: sender });
        tokio::select! {
            // Check the response first: it is valid even if the process ended right after it.
            biased;
            response = response, if sent.is_ok() => {
                response.map_err(|_| FunctionError::new("Runtime.ExitError", "the API was closed"))?
            }
            status = self.process.wait() => {
                self.is_alive = false;
                Err(FunctionError::new("Runtime.ExitError", describe_exit(&status)))
            }
            error = wait_for_crash(&mut self.extensions) => {
                self.is_alive = false;
                Err(error)
            }
            () = killed => {
                self.process.kill().await;
                let status = self.process.wait().await;
                self.is_alive = false;
                Err(FunctionError::new("Runtime.ExitError", describe_exit(&status)))
            }
            () = tokio::time::sleep(limit) => {
                self.is_alive = false;
                let seconds = limit.as_secs_f64();
                Err(FunctionError::new("Sandbox.Timedout", format!("Task timed out after {seconds:.2} seconds")))
            }
        }
    }

    /// Waits until the runtime and all extensions request the next event, and writes the report. Then freezes the
    /// environment, or shuts it down after a timeout or the exit of a process.
    pub(super) async fn finish(
        &mut self,
        invocation: UnreportedInvocation,
        function: &Function,
        init_duration: Option<Duration>,
    ) {
        let UnreportedInvocation { request, result, started, polls } = invocation;
        let left = function.timeout.saturating_sub(started.elapsed());
        if self.is_alive {
            let next_poll = async {
                // The process may exit after its response. Lambda then starts a new environment.
                tokio::select! {
                    polled = self.api.polls.wait_for(|now| *now > polls) => polled.is_ok(),
                    _ = self.process.wait() => false,
                    _ = wait_for_crash(&mut self.extensions) => false,
                }
            };
            self.is_alive = timeout(left, next_poll).await.unwrap_or(false)
                && tokio::select! {
                    idle = timeout(left, self.registry.wait_until_idle()) => matches!(idle, Ok(Ok(()))),
                    _ = wait_for_crash(&mut self.extensions) => false,
                };
        }
        let peak_memory = self.process.peak_memory_mib();
        if !self.is_alive {
            self.process.kill().await;
        }
        if let Some(error) = &result.error {
            self.log_stream.write(error.error_message.clone());
        }
        let billed = result.duration + init_duration.unwrap_or_default();
        let memory = (function.memory, peak_memory);
        self.log_stream.write(format!("END RequestId: {}", request.id));
        self.log_stream.write(report_line(&request.id, result.duration, billed, memory, init_duration));
        self.log_stream.telemetry.publish(Record::report(&request, &result, billed, memory, init_duration));
        if self.is_alive {
            self.set_frozen(true);
        } else {
            let is_timeout = result.error.is_some_and(|error| error.error_type == "Sandbox.Timedout");
            self.shut_down(if is_timeout { "timeout" } else { "failure" }).await;
        }
    }

    /// Ends the processes and the API, as Lambda does if an environment is idle for some time.
    pub(super) async fn stop(mut self) {
        self.set_frozen(false);
        self.shut_down("spindown").await;
    }

    async fn shut_down(&mut self, reason: &str) {
        let started = Instant::now();
        // Without an extension, Lambda kills the runtime and does not send SIGTERM first.
        if self.has_extensions() {
            self.process.signal(Signal::SIGTERM);
            let deadline = SystemTime::now() + SHUTDOWN_TIMEOUT;
            let deadline = u64::try_from(unix_milliseconds(deadline)).unwrap_or(u64::MAX);
            let event = json!({ "eventType": "SHUTDOWN", "shutdownReason": reason, "deadlineMs": deadline });
            self.registry.send_event("SHUTDOWN", &event);
            let _ = timeout(RUNTIME_SHUTDOWN_TIMEOUT, self.process.wait()).await;
        }
        self.process.kill().await;
        for extension in &mut self.extensions {
            let left = SHUTDOWN_TIMEOUT.saturating_sub(started.elapsed());
            if timeout(left, extension.wait()).await.is_err() {
                self.log_stream.write(format!("EXTENSION\tState: Killed after {} ms", SHUTDOWN_TIMEOUT.as_millis()));
            }
            extension.kill().await;
        }
    }

    /// Stops or resumes all processes and the delivery of telemetry.
    fn set_frozen(&self, is_frozen: bool) {
        let signal = if is_frozen { Signal::SIGSTOP } else { Signal::SIGCONT };
        for process in self.extensions.iter().chain([&self.process]) {
            process.signal(signal);
        }
        self.log_stream.telemetry.set_frozen(is_frozen);
    }
}

impl Drop for Environment {
    fn drop(&mut self) {
        self.server.abort();
    }
}

fn parse_response(response: &[u8]) -> Result<Value, FunctionError> {
    serde_json::from_slice(response)
        .map_err(|error| FunctionError::new("Runtime.InvalidResponse", format!("the response is not JSON: {error}")))
}

/// Adds the request identifier to an error message of Lambda, as Lambda does.
fn with_request_id(request_id: &str, error: FunctionError) -> FunctionError {
    match error.error_type.as_str() {
        "Sandbox.Timedout" | "Runtime.ExitError" | "Extension.Crash" => {
            FunctionError { error_message: format!("RequestId: {request_id} Error: {}", error.error_message), ..error }
        }
        _ => error,
    }
}

fn unix_milliseconds(time: SystemTime) -> u128 {
    time.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis()
}

/// Creates an X-Ray trace header. The root contains the time in seconds and 96 random bits; the parent contains 64
/// random bits.
fn new_trace_header() -> String {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let root = Uuid::new_v4().simple().to_string();
    format!("Root=1-{seconds:08x}-{};Parent={};Sampled=0", &root[..24], new_span_id())
}

fn new_span_id() -> String {
    Uuid::new_v4().simple().to_string().split_off(16)
}

/// Formats the last line that Lambda logs for an invocation.
fn report_line(
    request_id: &str,
    duration: Duration,
    billed: Duration,
    (memory, peak): (u32, Option<u64>),
    init: Option<Duration>,
) -> String {
    let milliseconds = |duration: Duration| duration.as_secs_f64() * 1000.0;
    let (duration, billed) = (milliseconds(duration), billed_milliseconds(billed));
    let used = peak.map(|peak| format!("\tMax Memory Used: {peak} MB")).unwrap_or_default();
    let init = init.map(|init| format!("\tInit Duration: {:.2} ms", milliseconds(init))).unwrap_or_default();
    format!(
        "REPORT RequestId: {request_id}\tDuration: {duration:.2} ms\tBilled Duration: {billed} ms\tMemory Size: {memory} MB{used}{init}"
    )
}
