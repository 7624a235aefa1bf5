//! A job of S3 Batch Operations: the way to millions.

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

use crate::{Error, Ledger};

/// Who does what with the manifest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// The account of the job.
    pub account: String,
    /// The function's ARN, with its alias.
    pub function: String,
    /// The ARN of the role by which S3 reads the manifest, invokes the function and writes the report.
    pub role: String,
    /// The bucket for the manifest and the report.
    pub bucket: String,
    /// What their keys begin with; empty or with a slash at its end.
    pub prefix: String,
}

/// A request for a job, as the ledger holds it from before it is sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct JobRequest {
    /// S3 answers every request that has this token with the same job, and rejects one that has other parameters.
    pub(crate) token: String,
    /// What the token was made for.
    pub(crate) order: Order,
    /// The ETag of the manifest that was uploaded for it.
    pub(crate) manifest_etag: String,
}

/// The service.
#[derive(Debug, Clone)]
pub struct Batch {
    /// Its client.
    pub client: Client,
    /// The part of ARNs before the service: `arn:aws`.
    pub partition: String,
}

/// The job that hands the manifest to the function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Job {
    /// This run created it.
    Created(String),
    /// An earlier run created it, by the same order.
    Existing(String),
}

/// Jobs of one account are ranked by it; this is no more urgent than others.
const PRIORITY: i32 = 10;

impl Batch {
    /// Uploads the ledger's manifest and creates the job, unless the ledger holds a job of the same order. A process that
    /// is killed in between creates no second job: its request's token is in the ledger before the request is sent.
    /// Another order, and another ledger, has another job.
    ///
    /// # Errors
    /// S3 did not accept the manifest or the job, or the ledger cannot be written.
    pub async fn create(&self, store: &Store, ledger: &mut Ledger, order: &Order) -> Result<Job, Error> {
        if let Some(job) = ledger.job_of(order) {
            return Ok(Job::Existing(job.to_owned()));
        }
        let (key, etag) = upload(store, &ledger.manifest(), order).await?;
        let token = ledger.job_request(order, &etag).map(|request| request.token.clone());
        let token = if let Some(token) = token {
            token
        } else {
            let token = Uuid::new_v4().to_string();
            let request = JobRequest { token: token.clone(), order: order.clone(), manifest_etag: etag.clone() };
            ledger.request_job(request)?;
            token
        };
        let job = self.request(order, &key, &etag, token).await?;
        ledger.create(job.clone())?;
        Ok(Job::Created(job))
    }

    async fn request(&self, order: &Order, key: &str, etag: &str, token: String) -> Result<String, Error> {
        let Order { account, function, role, bucket, prefix } = order;
        let arn = format!("{}:s3:::{bucket}", self.partition);
        let invoke = LambdaInvokeOperation::builder().function_arn(function).invocation_schema_version("2.0").build();
        let created = self.client.create_job().account_id(account).client_request_token(token).role_arn(role);
        let created = created
            .operation(JobOperation::builder().lambda_invoke(invoke).build())
            .manifest(manifest(&format!("{arn}/{key}"), etag.trim_matches('"')))
            .report(report(&arn, &format!("{prefix}reports")))
            .priority(PRIORITY)
            .confirmation_required(false)
            .description("Photographs become AVIF");
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

/// Uploads the manifest under a key that names its content, and gives the key and the ETag.
async fn upload(store: &Store, path: &Path, order: &Order) -> Result<(String, String), Error> {
    let Order { bucket, prefix, .. } = order;
    let digest = digest(path).map_err(|error| Error::file("read", path, error))?;
    let key = format!("{prefix}manifests/{digest}.csv");
    let body = ByteStream::from_path(path).await;
    let body = body.map_err(|error| Error::file("read", path, io::Error::other(error)))?;
    // S3 Batch Operations cannot read a CSV manifest under SSE-KMS (Amazon S3 user guide, "Specifying a manifest"), which may
    // be the bucket's default. By SSE-S3 the ETag is the content's, so that an upload that is repeated has the same.
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
    let spec = JobManifestSpec::builder().format(format).set_fields(Some(fields)).build().expect(GIVEN);
    let location = JobManifestLocation::builder().object_arn(arn).e_tag(etag).build().expect(GIVEN);
    JobManifest::builder().spec(spec).location(location).build()
}

/// Of what failed alone: what was converted is in the function's log.
fn report(bucket: &str, prefix: &str) -> JobReport {
    let format = JobReportFormat::ReportCsv20180820;
    let report = JobReport::builder().enabled(true).bucket(bucket).prefix(prefix).format(format);
    report.report_scope(JobReportScope::FailedTasksOnly).build()
}

const GIVEN: &str = "every field that is required was given";

/// SHA-256, in hexadecimal.
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
