//! The shutdown of the execution environment.
//!
//! If an extension is registered, Lambda sends SIGTERM and kills the process 300 ms later. If no extension is
//! registered, Lambda kills the process without SIGTERM. After SIGTERM, unfinished jobs are reported as failed, so that
//! their events are retried instead of lost.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use lambda_runtime::{Error, LambdaInvocation, Service};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

/// Whether shutdown was requested, and the number of running invocations. All clones share one state.
#[derive(Debug, Clone)]
pub struct Shutdown {
    state: watch::Sender<State>,
}

#[derive(Debug, Default)]
struct State {
    is_requested: bool,
    running_invocations: usize,
}

/// Counts an invocation as running until it is dropped.
#[derive(Debug)]
struct InvocationGuard(Shutdown);

/// A service that counts each invocation as running until its response is sent.
#[derive(Debug, Clone)]
pub struct TrackedService<S> {
    shutdown: Shutdown,
    service: S,
}

impl Shutdown {
    /// Installs a signal handler, so that SIGTERM requests the shutdown.
    ///
    /// # Errors
    /// The signal handler cannot be installed.
    pub fn on_sigterm() -> io::Result<Self> {
        let mut terminate = signal(SignalKind::terminate())?;
        let shutdown = Self { state: watch::Sender::default() };
        let requested = shutdown.clone();
        tokio::spawn(async move {
            if terminate.recv().await.is_some() {
                requested.state.send_modify(|state| state.is_requested = true);
            }
        });
        Ok(shutdown)
    }

    /// Waits until shutdown is requested.
    pub(crate) async fn wait_for_request(&self) {
        self.wait(|state| state.is_requested).await;
    }

    /// Waits until shutdown is requested and the responses of all running invocations are sent.
    pub async fn wait_until_idle(&self) {
        self.wait(|state| state.is_requested && state.running_invocations == 0).await;
    }

    /// Counts the running invocations of this service.
    pub fn track<S>(&self, service: S) -> TrackedService<S> {
        TrackedService { shutdown: self.clone(), service }
    }

    async fn wait(&self, condition: impl FnMut(&State) -> bool) {
        // The wait cannot fail, because `self` owns the sender.
        let _ = self.state.subscribe().wait_for(condition).await;
    }
}

impl<S> Service<LambdaInvocation> for TrackedService<S>
where
    S: Service<LambdaInvocation, Response = (), Error = Error, Future: Send + 'static>,
{
    type Response = ();
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<(), Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.service.poll_ready(context)
    }

    fn call(&mut self, invocation: LambdaInvocation) -> Self::Future {
        self.shutdown.state.send_modify(|state| state.running_invocations += 1);
        let (guard, response) = (InvocationGuard(self.shutdown.clone()), self.service.call(invocation));
        Box::pin(async move {
            let _guard = guard;
            response.await
        })
    }
}

impl Drop for InvocationGuard {
    fn drop(&mut self) {
        self.0.state.send_modify(|state| state.running_invocations -= 1);
    }
}
