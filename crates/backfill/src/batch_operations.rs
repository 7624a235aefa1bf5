//! Creates an S3 Batch Operations job that invokes the function. Such a job is suitable for millions of sources.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::ServerSideEncryption;
use aws_sdk_s3control::Client;
use aws_sdk_s3control::types::{
    JobManifest, JobManifestFieldName, JobManifestFormat, JobManifestLocation, JobManifestSpec, JobOperation,
    JobReport, JobReportFormat, JobReportScope, LambdaInvokeOperation,
};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use transfer::Store;
use uuid::Uuid;

use crate::{Error, State};

/// The settings of a job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobSettings {
    /// The ID of the account that owns the job.
    pub account: String,
    /// The ARN of the function, with an alias.
    pub function: String,
    /// The ARN of the role that S3 assumes to read the manifest, invoke the function and write the report.
    pub role: String,
    /// The bucket for the manifest and the report.
    pub bucket: String,
    /// The key prefix of the manifest and the report: empty, or ending in a slash.
    pub prefix: String,
}

/// A request that creates a job. The state directory stores the request before it is sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct JobRequest {
    /// A random token that makes the request idempotent. S3 returns the same job for every request with this token, and
    /// rejects a request that has this token but different parameters.
    pub(crate) token: String,
    /// The settings of the requested job.
    #[serde(rename = "order")]
    pub(crate) settings: JobSettings,
    /// The ETag of the uploaded manifest.
    pub(crate) manifest_etag: String,
}

/// A client of S3 Batch Operations.
#[derive(Debug, Clone)]
pub struct BatchOperations {
    /// The client of S3 Control.
    pub client: Client,
    /// The beginning of each ARN: `arn:aws`, or `arn:` and another AWS partition.
    pub partition: String,
}

/// The ID of the job that invokes the function for each line of the manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Job {
    /// This run created the job.
    Created(String),
    /// An earlier run with the same settings created the job.
    Existing(String),
}

/// The priority of the job. S3 orders the jobs of an account by priority; with 10, other jobs can have a lower or a
/// higher priority.
const PRIORITY: i32 = 10;

impl BatchOperations {
    /// Uploads the manifest and creates the job, unless the state directory already records a job with the same
    /// settings. If the process is killed, the next run creates no second job, because the token of the request is
    /// saved before the request is sent. A run with different settings or a new state directory creates a new job.
    ///
    /// # Errors
    /// S3 rejected the manifest or the job, or the state cannot be written.
    pub async fn create_job(&self, store: &Store, state: &mut State, settings: &JobSettings) -> Result<Job, Error> {
        if let Some(job) = state.job_of(settings) {
            return Ok(Job::Existing(job.to_owned()));
        }
        let (key, etag) = upload(store, &state.manifest(), settings).await?;
        let token = state.job_request(settings, &etag).map(|request| request.token.clone());
        let token = if let Some(token) = token {
            token
        } else {
            let token = Uuid::new_v4().to_string();
            let request = JobRequest { token: token.clone(), settings: settings.clone(), manifest_etag: etag.clone() };
            state.save_request(request)?;
            token
        };
        let job = self.request(settings, &key, &etag, token).await?;
        state.save_job(job.clone())?;
        Ok(Job::Created(job))
    }

    async fn request(&self, settings: &JobSettings, key: &str, etag: &str, token: String) -> Result<String, Error> {
        let JobSettings { account, function, role, bucket, prefix } = settings;
        let arn = format!("{}:s3:::{bucket}", self.partition);
        let invoke = LambdaInvokeOperation::builder().function_arn(function).invocation_schema_version("2.0").build();
        let created = self.client.create_job().account_id(account).client_request_token(token).role_arn(role);
        let created = created
            .operation(JobOperation::builder().lambda_invoke(invoke).build())
            .manifest(manifest(&format!("{arn}/{key}"), etag.trim_matches('"')))
            .report(report(&arn, &format!("{prefix}reports")))
            .priority(PRIORITY)
            .confirmation_required(false)
            .description("Convert images to AVIF");
        let created = created.send().await.map_err(|error| {
            let action = format!("create a job of S3 Batch Operations in account {account}");
            Error::service(action, &format!("s3:CreateJob, and iam:PassRole on {role}"), &error)
        })?;
        created.job_id.ok_or_else(|| Error::Service {
            action: format!("create a job of S3 Batch Operations in account {account}"),
            message: "the response has no job ID".into(),
        })
    }
}

/// Uploads the manifest under a key that contains its digest. Returns the key and the ETag.
async fn upload(store: &Store, path: &Path, settings: &JobSettings) -> Result<(String, String), Error> {
    let JobSettings { bucket, prefix, .. } = settings;
    let digest = digest(path).map_err(|error| Error::file("read", path, error))?;
    let key = format!("{prefix}manifests/{digest}.csv");
    let body = ByteStream::from_path(path).await;
    let body = body.map_err(|error| Error::file("read", path, io::Error::other(error)))?;
    // S3 Batch Operations cannot read a CSV manifest that is encrypted with SSE-KMS (Amazon S3 user guide, "Specifying
    // a manifest"), and the bucket may use SSE-KMS by default. With SSE-S3, the ETag is the digest of the content, so a
    // repeated upload has the same ETag.
    let encryption = ServerSideEncryption::Aes256;
    let put = store.client().put_object().bucket(bucket).key(&key).server_side_encryption(encryption).body(body);
    let put = put.send().await.map_err(|error| {
        Error::service(format!("write s3://{bucket}/{key}"), "s3:PutObject, with SSE-S3 encryption (AES256)", &error)
    })?;
    Ok((key, put.e_tag.unwrap_or_default()))
}

fn manifest(arn: &str, etag: &str) -> JobManifest {
    let fields = vec![JobManifestFieldName::Bucket, JobManifestFieldName::Key];
    let format = JobManifestFormat::S3BatchOperationsCsv20180820;
    let spec =
        JobManifestSpec::builder().format(format).set_fields(Some(fields)).build().expect(REQUIRED_FIELDS_ARE_SET);
    let location = JobManifestLocation::builder().object_arn(arn).e_tag(etag).build().expect(REQUIRED_FIELDS_ARE_SET);
    JobManifest::builder().spec(spec).location(location).build()
}

/// Returns the settings of the completion report, which lists only failed tasks. The function's log contains all tasks.
fn report(bucket: &str, prefix: &str) -> JobReport {
    let format = JobReportFormat::ReportCsv20180820;
    let report = JobReport::builder().enabled(true).bucket(bucket).prefix(prefix).format(format);
    report.report_scope(JobReportScope::FailedTasksOnly).build()
}

const REQUIRED_FIELDS_ARE_SET: &str = "all required fields are set";

/// Returns the SHA-256 digest of a file, in hexadecimal.
fn digest(path: &Path) -> io::Result<String> {
    let (mut digest, mut file, mut part) = (Sha256::new(), File::open(path)?, vec![0; 1 << 16]);
    loop {
        match file.read(&mut part)? {
            0 => break,
            read => digest.update(&part[..read]),
        }
    }
    Ok(digest.finalize().iter().fold(String::new(), |digits, byte| format!("{digits}{byte:02x}")))
}
