//! The environment's end.
//!
//! Lambda sends SIGTERM where an extension is registered, and kills 300 ms later; elsewhere it only kills. What is in hand
//! then is reported as failed, so that it is retried, rather than lost with the process.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use lambda_runtime::{Error, LambdaInvocation, Service};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

/// Whether the environment ends, and how many events are in hand. Clones tell the same.
#[derive(Debug, Clone)]
pub struct Stop {
    state: watch::Sender<State>,
}

#[derive(Debug, Default)]
struct State {
    asked: bool,
    in_hand: usize,
}

/// An event in hand, for as long as this lives.
#[derive(Debug)]
struct Hold(Stop);

/// A service whose every event is in hand until its answer has left.
#[derive(Debug, Clone)]
pub struct Held<S> {
    stop: Stop,
    service: S,
}

impl Stop {
    /// Asked for by SIGTERM.
    ///
    /// # Errors
    /// The signal cannot be waited for.
    pub fn on_sigterm() -> io::Result<Self> {
        let mut terminate = signal(SignalKind::terminate())?;
        let stop = Self { state: watch::Sender::default() };
        let asked = stop.clone();
        tokio::spawn(async move {
            if terminate.recv().await.is_some() {
                asked.state.send_modify(|state| state.asked = true);
            }
        });
        Ok(stop)
    }

    /// Waits until the environment ends.
    pub(crate) async fn asked(&self) {
        self.wait(|state| state.asked).await;
    }

    /// Waits until the environment ends and every event in hand was answered.
    pub async fn over(&self) {
        self.wait(|state| state.asked && state.in_hand == 0).await;
    }

    /// Counts the events that this service has in hand.
    pub fn watch<S>(&self, service: S) -> Held<S> {
        Held { stop: self.clone(), service }
    }

    async fn wait(&self, done: impl FnMut(&State) -> bool) {
        // The sender is here, in `self`.
        let _ = self.state.subscribe().wait_for(done).await;
    }
}

impl<S> Service<LambdaInvocation> for Held<S>
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
        self.stop.state.send_modify(|state| state.in_hand += 1);
        let (hold, answered) = (Hold(self.stop.clone()), self.service.call(invocation));
        Box::pin(async move {
            let _hold = hold;
            answered.await
        })
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.0.state.send_modify(|state| state.in_hand -= 1);
    }
}
