//! Runs a local deployment: a server with two buckets, and the function that receives the events of the buckets.

use std::collections::BTreeMap;
use std::io::Cursor;

use aws_sdk_s3::Client;
use aws_sdk_s3::primitives::ByteStream;
use emulator::{
    AsyncInvocation, Endpoint, Faults, FunctionError, InjectedResponse, Lambda, S3, SECRET_KEY, Settings,
    connect_notifications,
};
use image::{ImageFormat, Rgb, RgbImage};
use model::Report;
use serde_json::Value;
use tempfile::TempDir;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use crate::bootstrap::function;
use crate::manifest_fields::parse_manifest;

pub(crate) struct Deployment {
    pub(crate) s3: Client,
    pub(crate) lambda: Lambda,
    /// The invocations by events of the buckets. An invocation is added after its last attempt.
    pub(crate) invocations: UnboundedReceiver<AsyncInvocation>,
    pub(crate) log: UnboundedReceiver<String>,
    /// The environment variables of the function.
    pub(crate) environment: BTreeMap<String, String>,
    pub(crate) server: S3,
    /// The faults of the connection between the function and the server. A new deployment has no faults.
    pub(crate) faults: Faults,
    _endpoint: Endpoint,
    /// The directory of the server. It contains a folder for each bucket and a file for each object.
    pub(crate) folder: TempDir,
}

impl Deployment {
    /// Starts a function with these settings, and a server with the buckets `photos` and `cdn`. The events of the
    /// buckets invoke the function.
    pub(crate) async fn with_events(settings: &[(&str, &str)]) -> Self {
        Self::new(settings, true).await
    }

    /// Does the same as `with_events`, but the buckets send no events. The test sends all events.
    pub(crate) async fn without_events(settings: &[(&str, &str)]) -> Self {
        Self::new(settings, false).await
    }

    async fn new(settings: &[(&str, &str)], has_events: bool) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let buckets = vec!["photos".to_owned(), "cdn".to_owned()];
        let server_settings = Settings {
            address: ([127, 0, 0, 1], 0).into(),
            folder: folder.path().to_owned(),
            secret: SECRET_KEY.into(),
            buckets,
        };
        let (server, notifications) = S3::start(server_settings).await.unwrap();
        let faults = Faults::none();
        let (endpoint, _) = server.open_endpoint(faults.clone()).await.unwrap();
        let mut environment = server.environment_for(&endpoint);
        // Use the fastest speed, because these tests do not check the codec.
        environment.insert("AVIF_SPEED".into(), "10".into());
        environment.extend(settings.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())));
        let (lines, log) = unbounded_channel();
        let lambda = Lambda::new(function(environment.clone()), lines);
        let invocations =
            if has_events { connect_notifications(notifications, lambda.clone()) } else { unbounded_channel().1 };
        Self {
            s3: server.client(SECRET_KEY),
            lambda,
            invocations,
            log,
            environment,
            server,
            faults,
            _endpoint: endpoint,
            folder,
        }
    }

    /// Puts an object and waits until the function has handled the event of this object.
    pub(crate) async fn put_and_wait(&mut self, key: &str, bytes: &[u8]) -> AsyncInvocation {
        let body = ByteStream::from(bytes.to_vec());
        let put = self.s3.put_object().bucket("photos").key(key).cache_control("max-age=60").body(body);
        put.send().await.unwrap();
        self.invocations.recv().await.unwrap()
    }

    /// Puts an object and returns the report of the function about this object.
    pub(crate) async fn put_and_get_report(&mut self, key: &str, bytes: &[u8]) -> Report {
        let invocation = self.put_and_wait(key, bytes).await;
        let response = invocation.last_attempt.result.unwrap();
        let reports: Vec<Report> = serde_json::from_value(response["reports"].clone()).unwrap();
        let [report] = reports.try_into().unwrap();
        report
    }

    /// Starts a second function with this S3 endpoint and invokes it. Returns the outcome and the reason in its report.
    pub(crate) async fn invoke_with_endpoint(&self, url: &str, event: Value) -> (String, String) {
        let mut environment = self.environment.clone();
        environment.insert("AWS_ENDPOINT_URL_S3".into(), url.to_owned());
        outcome_and_reason(Lambda::new(function(environment), unbounded_channel().0).invoke(event).await.result)
    }

    /// Invokes the function. During the invocation, S3 sends these responses to the matching requests. Returns the
    /// outcome and the reason in the report of the function.
    pub(crate) async fn invoke_with_s3_responses(
        &self,
        responses: Vec<InjectedResponse>,
        event: Value,
    ) -> (String, String) {
        self.faults.inject(responses);
        let result = self.lambda.invoke(event).await.result;
        self.faults.inject(vec![]);
        outcome_and_reason(result)
    }

    // Every manifest that a test reads is validated.
    pub(crate) async fn read(&self, bucket: &str, key: &str) -> Vec<u8> {
        let object = self.s3.get_object().bucket(bucket).key(key).send().await.unwrap();
        let bytes = object.body.collect().await.unwrap().to_vec();
        if key.ends_with(".avif.json") {
            parse_manifest(&bytes);
        }
        bytes
    }

    /// Lists the keys in the bucket, in the order of the S3 listing.
    pub(crate) async fn list_keys(&self, bucket: &str) -> Vec<String> {
        let list = self.s3.list_objects_v2().bucket(bucket).send().await.unwrap();
        list.contents.unwrap_or_default().into_iter().filter_map(|object| object.key).collect()
    }

    /// Returns the log lines since the last call.
    pub(crate) fn take_log_lines(&mut self) -> Vec<String> {
        std::iter::from_fn(|| self.log.try_recv().ok()).collect()
    }

    /// Returns those log lines since the last call that are JSON and contain a report.
    pub(crate) fn take_report_lines(&mut self) -> Vec<Value> {
        self.take_log_lines()
            .into_iter()
            .filter_map(|line| serde_json::from_str::<Value>(&line).ok())
            .filter(|line| line.get("report").is_some())
            .collect()
    }
}

/// Returns the outcome and the reason in the first report of a response. For an error, the outcome is "failed" and the
/// reason is the error message.
pub(crate) fn outcome_and_reason(result: Result<Value, FunctionError>) -> (String, String) {
    match result {
        Ok(response) => {
            let report = &response["reports"][0];
            let reason = report.get("reason").and_then(Value::as_str).unwrap_or_default();
            (report["outcome"].as_str().unwrap().to_owned(), reason.to_owned())
        }
        Err(error) => ("failed".to_owned(), error.error_message),
    }
}

/// Returns an image file in this format. The image is red at the left and green at the bottom, and has some texture.
pub(crate) fn image(format: ImageFormat, width: u32, height: u32) -> Vec<u8> {
    let gradient = |at: u32, size: u32| u8::try_from(at * 255 / size).unwrap();
    let image = RgbImage::from_fn(width, height, |x, y| {
        Rgb([255 - gradient(x, width), gradient(y, height), u8::try_from((x * 31 + y * 17) % 64).unwrap()])
    });
    let mut bytes = Cursor::new(vec![]);
    image.write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}
