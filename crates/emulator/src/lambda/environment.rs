//! One execution environment: an API of its own, one process, one event at a time.

use std::io;
use std::process::ExitStatus;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::{Notify, oneshot};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use uuid::Uuid;

use super::Function;
use super::api::{self, Desk, Order};
use super::invocation::{FunctionError, Invocation};
use super::process::Process;

pub(super) const REGION: &str = "us-east-1";
/// How long a function may take to its first poll (AWS Lambda developer guide, "Init phase").
const LONGEST_INIT: Duration = Duration::from_secs(10);

#[derive(Debug)]
pub(super) struct Environment {
    process: Process,
    desk: Desk,
    server: JoinHandle<io::Result<()>>,
    log: UnboundedSender<String>,
    alive: bool,
}

impl Environment {
    /// Starts a process and waits for its first poll. Gives the time that took.
    pub(super) async fn start(
        function: &Function,
        log: UnboundedSender<String>,
    ) -> Result<(Self, Duration), FunctionError> {
        let init_error = |what: String| FunctionError::new("Runtime.InitError", what);
        let listener = TcpListener::bind("127.0.0.1:0").await.map_err(|error| init_error(error.to_string()))?;
        let address = listener.local_addr().map_err(|error| init_error(error.to_string()))?;
        let (routes, desk) = api::open();
        let server = tokio::spawn(async move { axum::serve(listener, routes).await });
        let begun = Instant::now();
        let process = Process::start(function, address, &log).map_err(|error| {
            FunctionError::new("Runtime.InvalidEntrypoint", format!("{}: {error}", function.program.display()))
        })?;
        let mut environment = Self { process, desk, server, log, alive: true };
        let first_poll = environment.first_poll(begun);
        match timeout(LONGEST_INIT, first_poll).await {
            Ok(Ok(init)) => Ok((environment, init)),
            Ok(Err(error)) => {
                environment.stop().await;
                Err(error)
            }
            Err(_) => {
                environment.stop().await;
                let seconds = LONGEST_INIT.as_secs();
                Err(FunctionError::new("Sandbox.Timedout", format!("no first poll within {seconds} s of its start")))
            }
        }
    }

    /// Waits until the process has polled, has said why it cannot, or is gone.
    async fn first_poll(&mut self, begun: Instant) -> Result<Duration, FunctionError> {
        tokio::select! {
            polled = self.desk.init.wait_for(Option::is_some) => {
                let closed = || FunctionError::new("Runtime.ExitError", "the API was closed");
                polled.map_err(|_| closed())?.clone().ok_or_else(closed)??;
                Ok(begun.elapsed())
            }
            status = self.process.ended() => Err(FunctionError::new("Runtime.ExitError", exit(&status))),
        }
    }

    /// Whether it can take another event.
    pub(super) fn is_alive(&self) -> bool {
        self.alive
    }

    /// Hands the event out and waits for the answer, the process's end or the time-out.
    pub(super) async fn invoke(
        &mut self,
        event: &Value,
        function: &Function,
        init: Option<Duration>,
        kill: &Notify,
    ) -> Invocation {
        let request_id = Uuid::new_v4().to_string();
        let (answer, answered) = oneshot::channel();
        let deadline = SystemTime::now() + function.timeout;
        let order = Order {
            request_id: request_id.clone(),
            event: event.to_string(),
            deadline_ms: deadline.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis(),
            arn: format!("arn:aws:lambda:{REGION}:123456789012:function:{}", function.name),
            trace_id: trace_id(),
            answer,
        };
        self.write(format!("START RequestId: {request_id} Version: $LATEST"));
        let begun = Instant::now();
        let result = self.answer(order, answered, function.timeout, kill).await;
        let took = begun.elapsed();
        let peak = self.process.peak_mib();
        if !self.alive {
            self.process.kill().await;
        }
        let result = result.map_err(|error| named(&request_id, error));
        if let Err(error) = &result {
            self.write(error.error_message.clone());
        }
        self.write(format!("END RequestId: {request_id}"));
        self.write(report(&request_id, took, function.memory, peak, init));
        Invocation { request_id, result, took, init }
    }

    async fn answer(
        &mut self,
        order: Order,
        answered: oneshot::Receiver<api::Answer>,
        most: Duration,
        kill: &Notify,
    ) -> Result<Value, FunctionError> {
        let killed = kill.notified();
        // The one place in the queue is free: the event before this one was answered.
        let sent = self.desk.orders.try_send(order);
        tokio::select! {
            // An answer counts even where the process ended right after it.
            biased;
            answer = answered, if sent.is_ok() => {
                let closed = |_| FunctionError::new("Runtime.ExitError", "the API was closed");
                let bytes = answer.map_err(closed)??;
                serde_json::from_slice(&bytes).map_err(|error| {
                    FunctionError::new("Runtime.InvalidResponse", format!("the answer is no JSON: {error}"))
                })
            }
            status = self.process.ended() => {
                self.alive = false;
                Err(FunctionError::new("Runtime.ExitError", exit(&status)))
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

    /// Ends the process and the API.
    pub(super) async fn stop(mut self) {
        self.process.kill().await;
    }

    fn write(&self, line: String) {
        // Nobody listening is nobody interested.
        let _ = self.log.send(line);
    }
}

impl Drop for Environment {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// Lambda's own errors begin with the request.
fn named(request_id: &str, error: FunctionError) -> FunctionError {
    match error.error_type.as_str() {
        "Sandbox.Timedout" | "Runtime.ExitError" => {
            FunctionError { error_message: format!("RequestId: {request_id} Error: {}", error.error_message), ..error }
        }
        _ => error,
    }
}

fn exit(status: &io::Result<ExitStatus>) -> String {
    match status {
        // "exit status: 1", where Lambda leaves the colon out.
        Ok(status) => format!("Runtime exited with error: {}", status.to_string().replacen(':', "", 1)),
        Err(error) => format!("Runtime exited with error: {error}"),
    }
}

/// An X-Ray trace header: the root's epoch seconds and 96 random bits, and a parent of 64.
fn trace_id() -> String {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let (root, parent) = (Uuid::new_v4().simple().to_string(), Uuid::new_v4().simple().to_string());
    format!("Root=1-{seconds:08x}-{};Parent={};Sampled=0", &root[..24], &parent[..16])
}

/// The line that Lambda ends every invocation with.
fn report(request_id: &str, took: Duration, memory: u32, peak: Option<u64>, init: Option<Duration>) -> String {
    let milliseconds = |duration: Duration| duration.as_secs_f64() * 1000.0;
    let (duration, billed) = (milliseconds(took), milliseconds(took).ceil());
    let used = peak.map(|peak| format!("\tMax Memory Used: {peak} MB")).unwrap_or_default();
    let init = init.map(|init| format!("\tInit Duration: {:.2} ms", milliseconds(init))).unwrap_or_default();
    format!(
        "REPORT RequestId: {request_id}\tDuration: {duration:.2} ms\tBilled Duration: {billed} ms\tMemory Size: {memory} MB{used}{init}"
    )
}
