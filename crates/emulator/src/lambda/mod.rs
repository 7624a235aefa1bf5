//! A function, its execution environments, and the two ways to invoke it.

mod api;
mod beside;
mod delivery;
mod environment;
mod init;
mod invocation;
mod journal;
mod process;
mod record;
mod registry;
mod telemetry;

use std::collections::BTreeMap;
use std::mem::replace;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::Value;
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::{Notify, Semaphore};
use tokio::time::sleep;
use uuid::Uuid;

use environment::Environment;
pub use invocation::{Delivery, FunctionError, Invocation};
pub use telemetry::TelemetryApi;

/// A function's configuration.
#[derive(Debug, Clone)]
pub struct Function {
    /// Its name.
    pub name: String,
    /// The binary that Lambda would start: `bootstrap`.
    pub program: PathBuf,
    /// Its own environment variables. Nothing else of this process's environment reaches it.
    pub environment: BTreeMap<String, String>,
    /// Memory in MiB. It is told to the function and to the log; it is not enforced.
    pub memory: u32,
    /// The time an invocation may take.
    pub timeout: Duration,
    /// The most execution environments at a time; at least 1.
    pub concurrency: usize,
    /// How long an asynchronous invocation that failed waits for its first and for its second retry. Lambda waits 1 and
    /// 2 minutes (AWS Lambda developer guide, "How Lambda handles errors and retries with asynchronous invocation").
    pub retry_after: [Duration; 2],
    /// What is started beside it.
    pub beside: Beside,
}

/// What an environment has beside the function.
#[derive(Debug, Clone)]
pub struct Beside {
    /// Extensions: programs that Lambda would find in `/opt/extensions`, each of another file name.
    pub extensions: Vec<PathBuf>,
    /// The schemas of telemetry that can be subscribed to.
    pub schemas: Vec<&'static str>,
    /// What becomes of these subscriptions.
    pub telemetry: TelemetryApi,
}

impl Default for Beside {
    /// No extensions, and telemetry by every schema that AWS has published.
    fn default() -> Self {
        let schemas = vec!["2022-07-01", "2022-12-13", "2025-01-29"];
        Self { extensions: vec![], schemas, telemetry: TelemetryApi::Served }
    }
}

/// A function that can be invoked. Clones are the same function; when the last is gone, so are its processes.
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
    stopping: AtomicBool,
    kill: Notify,
}

impl Lambda {
    /// Sets a function up. No process is started before the first invocation. Every line that a process writes goes to
    /// `log`, with the lines that Lambda puts around them.
    #[must_use]
    pub fn new(function: Function, log: UnboundedSender<String>) -> Self {
        let slots = Arc::new(Semaphore::new(function.concurrency.max(1)));
        Self {
            inner: Arc::new(Inner {
                function,
                log,
                slots,
                idle: Mutex::new(vec![]),
                stopping: AtomicBool::new(false),
                kill: Notify::new(),
            }),
        }
    }

    /// Invokes synchronously: one try, in an idle environment or a new one. It waits for its turn where all are busy. The
    /// answer does not wait for extensions, but the environment's next event does.
    pub async fn invoke(&self, event: Value) -> Invocation {
        self.attempt(event, &Uuid::new_v4().to_string()).await
    }

    async fn attempt(&self, event: Value, request_id: &str) -> Invocation {
        let Inner { function, log, slots, .. } = &*self.inner;
        // It is never closed, so this is always a permit.
        let slot = slots.clone().acquire_owned().await;
        if self.inner.stopping.load(Ordering::Relaxed) {
            let error =
                FunctionError::new("Emulator.Stopped", "the emulator was stopped before it was this event's turn");
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
        let (invocation, answered) = environment.invoke(request_id, &event, function, init, &self.inner.kill).await;
        let inner = self.inner.clone();
        let has_extensions = environment.has_extensions();
        let settle = async move {
            environment.settle(answered, &inner.function, init).await;
            if environment.is_alive() {
                inner.idle().push(environment);
            }
            drop(slot);
        };
        if has_extensions {
            tokio::spawn(settle);
        } else {
            settle.await;
        }
        invocation
    }

    /// Invokes asynchronously, as S3 does: up to two retries after a failure, then the event is dead. All have one
    /// request identifier (AWS Lambda developer guide, "Understanding retry behavior in Lambda").
    pub async fn deliver(&self, event: Value) -> Delivery {
        let mut retried = vec![];
        let request_id = Uuid::new_v4().to_string();
        let mut last = self.attempt(event.clone(), &request_id).await;
        for pause in self.inner.function.retry_after {
            if last.result.is_ok() || self.inner.stopping.load(Ordering::Relaxed) {
                break;
            }
            sleep(pause).await;
            let next = self.attempt(event.clone(), &request_id).await;
            retried.push(replace(&mut last, next));
        }
        Delivery { event, retried, last }
    }

    /// Kills every process that has an event in hand, in the midst of whatever it is doing. Those events fail.
    pub fn kill(&self) {
        self.inner.kill.notify_waiters();
    }

    /// Ends every process, once what is under way is done. Events that wait for their turn fail.
    pub async fn stop(&self) {
        self.inner.stopping.store(true, Ordering::Relaxed);
        let most = u32::try_from(self.inner.function.concurrency.max(1)).unwrap_or(u32::MAX);
        let _slots = self.inner.slots.acquire_many(most).await;
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
