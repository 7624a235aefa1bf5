//! An order without an event behind it, from a person or from Step Functions: `{"bucket": …, "key": …}`, the key as it is.

use model::Job;
use serde::Deserialize;
use serde_json::Value;

use super::s3::place;
use super::{Batch, Malformed, Reply, Told, order, read};

const KIND: &str = "direct invocation";

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Order {
    bucket: String,
    key: String,
}

/// Whether it names a bucket and a key.
pub(super) fn is(event: &Value) -> bool {
    event.get("bucket").is_some() && event.get("key").is_some()
}

pub(super) fn jobs(event: &Value) -> Result<Batch, Malformed> {
    Ok(Batch { jobs: vec![job(event)?], refused: vec![], reply: Reply::Report })
}

/// The same inside another message, whose sender is answered in its own way.
pub(super) fn told(event: &Value) -> Result<Told, Malformed> {
    Ok(Told { jobs: vec![job(event)?], refused: vec![] })
}

fn job(event: &Value) -> Result<Job, Malformed> {
    let Order { bucket, key } = read(event, KIND)?;
    let at = place(Some(bucket), Some(key))
        .map_err(|error| Malformed::Content { event: KIND, message: error.to_string() })?;
    Ok(order(at))
}
