//! Runs a function in execution environments, and invokes it synchronously or asynchronously.

mod environment;
mod extensions_api;
mod function;
mod init;
mod invocation;
mod log_stream;
mod process;
mod record;
mod registry;
mod runtime_api;
mod telemetry;
mod telemetry_delivery;
mod variables;

use std::mem::replace;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value;
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::{Notify, Semaphore};
use tokio::time::sleep;
use uuid::Uuid;

use environment::Environment;
pub use function::{Extensions, Function};
pub use invocation::{AsyncInvocation, FunctionError, Invocation};
pub use telemetry::TelemetryApi;

/// A function that can be invoked. Clones share its execution environments. When the last clone is dropped, the
/// processes of the environments are killed.
#[derive(Debug, Clone)]
pub struct Lambda {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    function: Function,
    log: UnboundedSender<String>,
    slots: Arc<Semaphore>,
    idle: Mutex<Vec<Environment>>,
    is_stopping: AtomicBool,
    kill: Notify,
}

impl Lambda {
    /// Creates a function. The first invocation starts its first process. `log` receives every line that a process
    /// writes, and the lines that Lambda writes around each invocation.
    #[must_use]
    pub fn new(function: Function, log: UnboundedSender<String>) -> Self {
        let slots = Arc::new(Semaphore::new(function.concurrency.max(1)));
        Self {
            inner: Arc::new(Inner {
                function,
                log,
                slots,
                idle: Mutex::new(vec![]),
                is_stopping: AtomicBool::new(false),
                kill: Notify::new(),
            }),
        }
    }

    /// Invokes the function synchronously: one attempt, in an idle environment or a new one. If all environments are
    /// busy, it waits for one. It returns when the function has responded. Extensions may then still be running, which
    /// delays only the next event of this environment.
    pub async fn invoke(&self, event: Value) -> Invocation {
        self.attempt(event, &Uuid::new_v4().to_string()).await
    }

    async fn attempt(&self, event: Value, request_id: &str) -> Invocation {
        let Inner { function, log, slots, .. } = &*self.inner;
        // This is never an error, because the semaphore is never closed.
        let slot = slots.clone().acquire_owned().await;
        if self.inner.is_stopping.load(Ordering::Relaxed) {
            let error = FunctionError::new("Emulator.Stopped", "the emulator was stopped before the invocation began");
            return Invocation::without_environment(error);
        }
        let idle = self.inner.idle().pop();
        let (mut environment, init) = match idle {
            Some(environment) => (environment, None),
            None => match Environment::start(function, log.clone()).await {
                Ok((environment, init)) => (environment, Some(init)),
                Err(error) => return Invocation::without_environment(error),
            },
        };
        let (invocation, unreported) = environment.invoke(request_id, &event, function, init, &self.inner.kill).await;
        let inner = self.inner.clone();
        let has_extensions = environment.has_extensions();
        let finish = async move {
            environment.finish(unreported, &inner.function, init).await;
            if environment.is_alive() {
                inner.idle().push(environment);
            }
            drop(slot);
        };
        if has_extensions {
            tokio::spawn(finish);
        } else {
            finish.await;
        }
        invocation
    }

    /// Invokes the function asynchronously, as S3 does: a failed attempt is retried up to twice. All attempts have the
    /// same request identifier (AWS Lambda developer guide, "Understanding retry behavior in Lambda").
    pub async fn invoke_async(&self, event: Value) -> AsyncInvocation {
        let mut failed_attempts = vec![];
        let request_id = Uuid::new_v4().to_string();
        let mut last_attempt = self.attempt(event.clone(), &request_id).await;
        for delay in self.inner.function.retry_delays {
            if last_attempt.result.is_ok() || self.inner.is_stopping.load(Ordering::Relaxed) {
                break;
            }
            sleep(delay).await;
            let next = self.attempt(event.clone(), &request_id).await;
            failed_attempts.push(replace(&mut last_attempt, next));
        }
        AsyncInvocation { event, failed_attempts, last_attempt }
    }

    /// Kills every process that is handling an event. The invocations of these events fail.
    pub fn kill(&self) {
        self.inner.kill.notify_waiters();
    }

    /// Waits for the running invocations and then ends every process. Invocations that have not begun fail.
    pub async fn stop(&self) {
        self.inner.is_stopping.store(true, Ordering::Relaxed);
        let all_slots = u32::try_from(self.inner.function.concurrency.max(1)).unwrap_or(u32::MAX);
        let _slots = self.inner.slots.acquire_many(all_slots).await;
        let idle: Vec<Environment> = self.inner.idle().drain(..).collect();
        for environment in idle {
            environment.stop().await;
        }
    }
}

impl Inner {
    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Environment>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
