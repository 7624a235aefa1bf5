//! A job of S3 Batch Operations: the way to millions.

use std::fs::File;
use std::io::{self, Read};

use aws_sdk_s3control::Client;
use aws_sdk_s3control::types::{
    JobManifest, JobManifestFieldName, JobManifestFormat, JobManifestLocation, JobManifestSpec, JobOperation,
    JobReport, JobReportFormat, JobReportScope, LambdaInvokeOperation,
};
use sha2::{Digest, Sha256};
use transfer::Store;

use crate::{Error, Ledger};

/// Who does what with the manifest.
#[derive(Debug, Clone)]
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

/// The service.
#[derive(Debug, Clone)]
pub struct Batch {
    /// Its client.
    pub client: Client,
    /// The part of ARNs before the service: `arn:aws`.
    pub partition: String,
}

/// Jobs of one account are ranked by it; this is no more urgent than others.
const PRIORITY: i32 = 10;

impl Batch {
    /// Uploads the ledger's manifest and creates the job, unless that was done already. Gives the job's id. A process that
    /// is killed in between creates no second job: the manifest's digest tells S3 that it is the same.
    ///
    /// # Errors
    /// S3 did not take the manifest, or refused the job.
    pub async fn create(&self, store: &Store, ledger: &mut Ledger, order: &Order) -> Result<String, Error> {
        if let Some(job) = ledger.job() {
            return Ok(job.to_owned());
        }
        let Order { account, function, role, bucket, prefix } = order;
        let path = ledger.manifest();
        let digest = digest(&path).map_err(|error| Error::file("read", &path, error))?;
        let key = format!("{prefix}manifests/{digest}.csv");
        let body = aws_sdk_s3::primitives::ByteStream::from_path(&path).await;
        let body = body.map_err(|error| Error::file("read", &path, io::Error::other(error)))?;
        let put = store.client().put_object().bucket(bucket).key(&key).body(body).send().await;
        let put = put.map_err(|error| Error::service(format!("write s3://{bucket}/{key}"), &error))?;
        let arn = format!("{}:s3:::{bucket}", self.partition);
        let etag = put.e_tag.unwrap_or_default();
        let invoke = LambdaInvokeOperation::builder().function_arn(function).invocation_schema_version("2.0").build();
        let created = self.client.create_job().account_id(account).client_request_token(&digest).role_arn(role);
        let created = created
            .operation(JobOperation::builder().lambda_invoke(invoke).build())
            .manifest(manifest(&format!("{arn}/{key}"), etag.trim_matches('"')))
            .report(report(&arn, &format!("{prefix}reports")))
            .priority(PRIORITY)
            .confirmation_required(false)
            .description("Photographs become AVIF");
        let created = created.send().await.map_err(|error| Error::service("create the job".into(), &error))?;
        let job = created.job_id.unwrap_or_default();
        ledger.create(job.clone())?;
        Ok(job)
    }
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

/// In hexadecimal: 64 digits, as long as S3 takes a token to be.
fn digest(path: &std::path::Path) -> io::Result<String> {
    let (mut digest, mut file, mut part) = (Sha256::new(), File::open(path)?, vec![0; 1 << 16]);
    loop {
        match file.read(&mut part)? {
            0 => break,
            read => digest.update(&part[..read]),
        }
    }
    Ok(digest.finalize().iter().fold(String::new(), |digits, byte| format!("{digits}{byte:02x}")))
}
