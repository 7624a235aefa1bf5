use serde_json::Value;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use crate::{Delivery, Lambda};

/// Delivers every notification to the function, as many at once as it has environments, and hands out what became of
/// each. It ends when the notifications do.
#[must_use]
pub fn wire(mut notifications: UnboundedReceiver<Value>, lambda: Lambda) -> UnboundedReceiver<Delivery> {
    let (done, deliveries) = unbounded_channel();
    tokio::spawn(async move {
        while let Some(event) = notifications.recv().await {
            let (lambda, done) = (lambda.clone(), done.clone());
            tokio::spawn(async move {
                // Nobody listening is nobody interested.
                let _ = done.send(lambda.deliver(event).await);
            });
        }
    });
    deliveries
}
