use serde_json::Value;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use crate::lambda::{AsyncInvocation, Lambda};

/// Invokes the function asynchronously for each notification, and returns the finished invocations as they end. The
/// function's concurrency limits how many run at a time. The channel closes after the last notification's invocation.
#[must_use]
pub fn connect_notifications(
    mut notifications: UnboundedReceiver<Value>,
    lambda: Lambda,
) -> UnboundedReceiver<AsyncInvocation> {
    let (finished, invocations) = unbounded_channel();
    tokio::spawn(async move {
        while let Some(event) = notifications.recv().await {
            let (lambda, finished) = (lambda.clone(), finished.clone());
            tokio::spawn(async move {
                // Sending fails only if the caller dropped the receiver.
                let _ = finished.send(lambda.invoke_async(event).await);
            });
        }
    });
    invocations
}
