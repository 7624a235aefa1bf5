//! Parses an invocation by S3 Batch Operations, which invokes the function for existing objects (Amazon S3 user guide,
//! "Invoke AWS Lambda function").

use model::Job;
use serde::Deserialize;
use serde_json::Value;

use super::error::MalformedEvent;
use super::payload::deserialize;
use super::record::{Records, RejectedRecord, conversion_job, decode_key, object_location};
use super::response::{TaskJob, TaskList};

const KIND: &str = "S3 Batch Operations";
/// A task in schema 1.0 contains the ARN of the bucket. A task in schema 2.0 contains the name of the bucket.
const SCHEMAS: [&str; 2] = ["1.0", "2.0"];
/// The position of the bucket's name in `arn:PARTITION:s3:REGION:ACCOUNT:BUCKET`.
const ARN_BUCKET_INDEX: usize = 5;

#[derive(Debug, Deserialize)]
struct Invocation {
    #[serde(rename = "invocationSchemaVersion")]
    schema: String,
    #[serde(rename = "invocationId")]
    id: String,
    tasks: Vec<Task>,
}

/// The version ID is ignored: an inventory can list any version, but the function always converts the current one.
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

pub(super) fn is_invocation(event: &Value) -> bool {
    event.get("invocationSchemaVersion").is_some() && event.get("tasks").is_some()
}

/// Returns the jobs of all valid tasks, and the list of all tasks for the response.
pub(super) fn parse(event: &Value) -> Result<(Records, TaskList), MalformedEvent> {
    let Invocation { schema, id: invocation, tasks } = deserialize(event, KIND)?;
    if !SCHEMAS.contains(&schema.as_str()) {
        let problem = format!("invocationSchemaVersion: {schema:?} is none of {}", SCHEMAS.join(", "));
        return Err(MalformedEvent::Invalid { event: KIND, problem });
    }
    let mut records = Records::default();
    let mut task_jobs = vec![];
    for task in tasks {
        let id = task.id.clone();
        let job = match parse_task(task) {
            Ok(job) => {
                records.jobs.push(job);
                Ok(records.jobs.len() - 1)
            }
            Err(reason) => {
                // This reason is for the log. The response also contains it, and S3 copies it into the completion
                // report.
                records.rejected.push(format!("task {id:?}: {reason}"));
                Err(reason.to_string())
            }
        };
        task_jobs.push(TaskJob { id, job });
    }
    Ok((records, TaskList { schema, invocation, tasks: task_jobs }))
}

fn parse_task(task: Task) -> Result<Job, RejectedRecord> {
    let bucket_of_arn = || Some(task.bucket_arn?.splitn(ARN_BUCKET_INDEX + 1, ':').nth(ARN_BUCKET_INDEX)?.to_owned());
    let at = object_location(task.bucket.or_else(bucket_of_arn), Some(decode_key(&task.key)?))?;
    Ok(conversion_job(at))
}
