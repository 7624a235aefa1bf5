use serde_json::Value;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use crate::lambda::{AsyncInvocation, Lambda};

/// Invokes the function asynchronously for each notification. The returned channel receives each invocation when it is
/// finished, and closes after the invocation of the last notification. The function's concurrency limits how many
/// invocations run at a time.
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
