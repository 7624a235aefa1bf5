//! S3 Batch Operations, which goes through what a bucket holds already (Amazon S3 user guide, "Invoke AWS Lambda
//! function").

use model::Job;
use serde::Deserialize;
use serde_json::Value;

use super::s3::{Unusable, decode, place};
use super::{Batch, Malformed, Reply, order, read};

const KIND: &str = "S3 Batch Operations";
/// The first names a bucket by its ARN, the second by its name.
const SCHEMAS: [&str; 2] = ["1.0", "2.0"];
/// An ARN is `arn:PARTITION:s3:REGION:ACCOUNT:BUCKET`.
const PARTS_BEFORE_NAME: usize = 5;

#[derive(Debug, Deserialize)]
struct Invocation {
    #[serde(rename = "invocationSchemaVersion")]
    schema: String,
    #[serde(rename = "invocationId")]
    id: String,
    tasks: Vec<Task>,
}

/// Versions are left out: an inventory may list any, and the newest is what counts.
#[derive(Debug, Deserialize)]
struct Task {
    #[serde(rename = "taskId")]
    id: String,
    #[serde(rename = "s3Key")]
    key: String,
    #[serde(rename = "s3Bucket")]
    bucket: Option<String>,
    #[serde(rename = "s3BucketArn")]
    bucket_arn: Option<String>,
}

/// What the answer repeats, and what came of reading each task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tasks {
    pub(super) schema: String,
    pub(super) invocation: String,
    /// Each task by its id: its job among the batch's, or why there is none.
    pub(super) each: Vec<(String, Result<usize, String>)>,
}

/// Whether it is a call from S3 Batch Operations.
pub(super) fn is(event: &Value) -> bool {
    event.get("invocationSchemaVersion").is_some() && event.get("tasks").is_some()
}

pub(super) fn jobs(event: &Value) -> Result<Batch, Malformed> {
    let Invocation { schema, id: invocation, tasks } = read(event, KIND)?;
    if !SCHEMAS.contains(&schema.as_str()) {
        let message = format!("invocationSchemaVersion: {schema:?} is none of {}", SCHEMAS.join(", "));
        return Err(Malformed::Content { event: KIND, message });
    }
    let (mut jobs, mut refused) = (vec![], vec![]);
    let each = tasks
        .into_iter()
        .map(|task| {
            let id = task.id.clone();
            let index = job(task).map(|job| {
                jobs.push(job);
                jobs.len() - 1
            });
            let index = index.map_err(|reason| reason.to_string());
            // The log counts it, and the answer gives the reason to the job's completion report.
            refused.extend(index.as_ref().err().map(|reason| format!("task {id:?}: {reason}")));
            (id, index)
        })
        .collect();
    Ok(Batch { jobs, refused, reply: Reply::Tasks(Tasks { schema, invocation, each }) })
}

fn job(task: Task) -> Result<Job, Unusable> {
    let by_arn = || Some(task.bucket_arn?.splitn(PARTS_BEFORE_NAME + 1, ':').nth(PARTS_BEFORE_NAME)?.to_owned());
    let at = place(task.bucket.or_else(by_arn), Some(decode(&task.key)?))?;
    Ok(order(at))
}
