//! One execution environment: an API of its own, the function's process, extensions beside it, one event at a time.
//! Between events all of it stands still.

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

use super::Function;
use super::api::{Desk, Order, Request};
use super::init::{crash, exit};
use super::invocation::{FunctionError, Invocation};
use super::journal::Journal;
use super::process::Process;
use super::record::{Ran, Record, billed_milliseconds};
use super::registry::Registry;

pub(super) const REGION: &str = "us-east-1";
/// How long an environment with an extension may take to end, and the runtime's part of that (AWS Lambda developer guide,
/// "Shutdown phase").
const LONGEST_SHUTDOWN: Duration = Duration::from_secs(2);
const LONGEST_GOODBYE: Duration = Duration::from_millis(300);

#[derive(Debug)]
pub(super) struct Environment {
    process: Process,
    extensions: Vec<Process>,
    desk: Desk,
    registry: Arc<Registry>,
    journal: Journal,
    server: JoinHandle<io::Result<()>>,
    alive: bool,
}

/// An invocation that is answered, while extensions may still be busy with it.
#[derive(Debug)]
pub(super) struct Answered {
    request: Arc<Request>,
    ran: Ran,
    begun: Instant,
    polls: u64,
}

impl Environment {
    pub(super) fn new(
        process: Process,
        extensions: Vec<Process>,
        desk: Desk,
        registry: Arc<Registry>,
        journal: Journal,
        server: JoinHandle<io::Result<()>>,
    ) -> Self {
        Self { process, extensions, desk, registry, journal, server, alive: true }
    }

    /// Whether it can take another event.
    pub(super) fn is_alive(&self) -> bool {
        self.alive
    }

    /// Whether there is anybody beside the function.
    pub(super) fn has_extensions(&self) -> bool {
        !self.extensions.is_empty()
    }

    /// Hands the event out and waits for the answer, the process's end or the time-out.
    pub(super) async fn invoke(
        &mut self,
        request_id: &str,
        event: &Value,
        function: &Function,
        init: Option<Duration>,
        kill: &Notify,
    ) -> (Invocation, Answered) {
        self.freeze(false);
        let deadline = milliseconds(SystemTime::now() + function.timeout);
        let request = Arc::new(Request {
            id: request_id.into(),
            event: event.to_string(),
            deadline_ms: deadline,
            arn: format!("arn:aws:lambda:{REGION}:123456789012:function:{}", function.name),
            trace_id: trace_id(),
            span_id: span_id(),
        });
        self.journal.write(format!("START RequestId: {request_id} Version: $LATEST"));
        self.journal.telemetry.say(Record::start(&request));
        self.registry.tell(
            "INVOKE",
            &json!({
                "eventType": "INVOKE", "deadlineMs": u64::try_from(deadline).unwrap_or(u64::MAX),
                "requestId": request_id, "invokedFunctionArn": request.arn,
                "tracing": { "type": "X-Amzn-Trace-Id", "value": request.trace_id },
            }),
        );
        let polls = *self.desk.polls.borrow();
        let begun = Instant::now();
        let answer = self.answer(request.clone(), function.timeout, kill).await;
        let took = begun.elapsed();
        let produced = answer.as_ref().map_or(0, Bytes::len);
        let result = answer.and_then(|bytes| parsed(&bytes)).map_err(|error| named(request_id, error));
        let ran = Ran { took, produced, error: result.as_ref().err().cloned() };
        self.journal.telemetry.say(Record::runtime_done(&request, &ran));
        (Invocation { request_id: request_id.into(), result, took, init }, Answered { request, ran, begun, polls })
    }

    async fn answer(&mut self, request: Arc<Request>, most: Duration, kill: &Notify) -> Result<Bytes, FunctionError> {
        let killed = kill.notified();
        let (answer, answered) = oneshot::channel();
        // The one place in the queue is free: the event before this one was answered.
        let sent = self.desk.orders.try_send(Order { request, answer });
        tokio::select! {
            // An answer counts even where the process ended right after it.
            biased;
            answer = answered, if sent.is_ok() => {
                answer.map_err(|_| FunctionError::new("Runtime.ExitError", "the API was closed"))?
            }
            status = self.process.ended() => {
                self.alive = false;
                Err(FunctionError::new("Runtime.ExitError", exit(&status)))
            }
            error = crash(&mut self.extensions) => {
                self.alive = false;
                Err(error)
            }
            () = killed => {
                self.process.kill().await;
                let status = self.process.ended().await;
                self.alive = false;
                Err(FunctionError::new("Runtime.ExitError", exit(&status)))
            }
            () = tokio::time::sleep(most) => {
                self.alive = false;
                let seconds = most.as_secs_f64();
                Err(FunctionError::new("Sandbox.Timedout", format!("Task timed out after {seconds:.2} seconds")))
            }
        }
    }

    /// Waits until everybody waits for the next event, or ends what has failed; reports; then all stands still.
    pub(super) async fn settle(&mut self, answered: Answered, function: &Function, init: Option<Duration>) {
        let Answered { request, ran, begun, polls } = answered;
        let left = function.timeout.saturating_sub(begun.elapsed());
        if self.alive {
            let idle = async {
                // The runtime polls again, or ends of itself, and then begins anew.
                tokio::select! {
                    polled = self.desk.polls.wait_for(|now| *now > polls) => polled.is_ok(),
                    _ = self.process.ended() => false,
                    _ = crash(&mut self.extensions) => false,
                }
            };
            self.alive = timeout(left, idle).await.unwrap_or(false)
                && tokio::select! {
                    idle = timeout(left, self.registry.idle()) => matches!(idle, Ok(Ok(()))),
                    _ = crash(&mut self.extensions) => false,
                };
        }
        let peak = self.process.peak_mib();
        if !self.alive {
            self.process.kill().await;
        }
        if let Some(error) = &ran.error {
            self.journal.write(error.error_message.clone());
        }
        let billed = ran.took + init.unwrap_or_default();
        self.journal.write(format!("END RequestId: {}", request.id));
        self.journal.write(report(&request.id, ran.took, billed, (function.memory, peak), init));
        self.journal.telemetry.say(Record::report(&request, &ran, billed, (function.memory, peak), init));
        if self.alive {
            self.freeze(true);
        } else {
            let timed_out = ran.error.is_some_and(|error| error.error_type == "Sandbox.Timedout");
            self.shut_down(if timed_out { "timeout" } else { "failure" }).await;
        }
    }

    /// Ends the processes and the API, as Lambda does with an environment that nobody needs any more.
    pub(super) async fn stop(mut self) {
        self.freeze(false);
        self.shut_down("spindown").await;
    }

    async fn shut_down(&mut self, reason: &str) {
        let begun = Instant::now();
        // Without an extension Lambda tells nobody.
        if self.has_extensions() {
            self.process.signal(Signal::SIGTERM);
            let deadline = SystemTime::now() + LONGEST_SHUTDOWN;
            let deadline = u64::try_from(milliseconds(deadline)).unwrap_or(u64::MAX);
            let event = json!({ "eventType": "SHUTDOWN", "shutdownReason": reason, "deadlineMs": deadline });
            self.registry.tell("SHUTDOWN", &event);
            let _ = timeout(LONGEST_GOODBYE, self.process.ended()).await;
        }
        self.process.kill().await;
        for extension in &mut self.extensions {
            let left = LONGEST_SHUTDOWN.saturating_sub(begun.elapsed());
            if timeout(left, extension.ended()).await.is_err() {
                self.journal.write(format!("EXTENSION\tState: Killed after {} ms", LONGEST_SHUTDOWN.as_millis()));
            }
            extension.kill().await;
        }
    }

    /// Whoever lives here stops in the midst of whatever it does, or goes on with it.
    fn freeze(&self, frozen: bool) {
        let signal = if frozen { Signal::SIGSTOP } else { Signal::SIGCONT };
        for process in self.extensions.iter().chain([&self.process]) {
            process.signal(signal);
        }
        self.journal.telemetry.freeze(frozen);
    }
}

impl Drop for Environment {
    fn drop(&mut self) {
        self.server.abort();
    }
}

fn parsed(answer: &[u8]) -> Result<Value, FunctionError> {
    serde_json::from_slice(answer)
        .map_err(|error| FunctionError::new("Runtime.InvalidResponse", format!("the answer is no JSON: {error}")))
}

/// Lambda's own errors begin with the request.
fn named(request_id: &str, error: FunctionError) -> FunctionError {
    match error.error_type.as_str() {
        "Sandbox.Timedout" | "Runtime.ExitError" | "Extension.Crash" => {
            FunctionError { error_message: format!("RequestId: {request_id} Error: {}", error.error_message), ..error }
        }
        _ => error,
    }
}

fn milliseconds(time: SystemTime) -> u128 {
    time.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis()
}

/// An X-Ray trace header: the root's epoch seconds and 96 random bits, and a parent of 64.
fn trace_id() -> String {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let root = Uuid::new_v4().simple().to_string();
    format!("Root=1-{seconds:08x}-{};Parent={};Sampled=0", &root[..24], span_id())
}

fn span_id() -> String {
    Uuid::new_v4().simple().to_string().split_off(16)
}

/// The line that Lambda ends every invocation with.
fn report(
    request_id: &str,
    took: Duration,
    billed: Duration,
    (memory, peak): (u32, Option<u64>),
    init: Option<Duration>,
) -> String {
    let milliseconds = |duration: Duration| duration.as_secs_f64() * 1000.0;
    let (duration, billed) = (milliseconds(took), billed_milliseconds(billed));
    let used = peak.map(|peak| format!("\tMax Memory Used: {peak} MB")).unwrap_or_default();
    let init = init.map(|init| format!("\tInit Duration: {:.2} ms", milliseconds(init))).unwrap_or_default();
    format!(
        "REPORT RequestId: {request_id}\tDuration: {duration:.2} ms\tBilled Duration: {billed} ms\tMemory Size: {memory} MB{used}{init}"
    )
}
