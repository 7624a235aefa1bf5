//! A bucket wired to the function, as in an account.

use std::collections::BTreeMap;
use std::io::Cursor;

use aws_sdk_s3::Client;
use aws_sdk_s3::primitives::ByteStream;
use emulator::{Delivery, Door, Faults, FunctionError, Lambda, Refusal, S3, SECRET_KEY, Settings, wire};
use image::{ImageFormat, Rgb, RgbImage};
use model::Report;
use serde_json::Value;
use tempfile::TempDir;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use crate::bootstrap::function;

pub(crate) struct Deployment {
    pub(crate) s3: Client,
    pub(crate) lambda: Lambda,
    pub(crate) deliveries: UnboundedReceiver<Delivery>,
    pub(crate) log: UnboundedReceiver<String>,
    /// The function's own variables.
    pub(crate) environment: BTreeMap<String, String>,
    pub(crate) server: S3,
    /// What goes wrong between the function and the server; nothing at first.
    pub(crate) faults: Faults,
    _door: Door,
    /// A folder for each bucket, a file for each object.
    pub(crate) folder: TempDir,
}

impl Deployment {
    /// With these settings of the function, and buckets named `photos` and `cdn`, whose events reach the function.
    pub(crate) async fn with(settings: &[(&str, &str)]) -> Self {
        Self::new(settings, true).await
    }

    /// The same, where events are what a test makes of them.
    pub(crate) async fn untold(settings: &[(&str, &str)]) -> Self {
        Self::new(settings, false).await
    }

    async fn new(settings: &[(&str, &str)], told: bool) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let buckets = vec!["photos".to_owned(), "cdn".to_owned()];
        let place = Settings {
            address: ([127, 0, 0, 1], 0).into(),
            folder: folder.path().to_owned(),
            secret: SECRET_KEY.into(),
            buckets,
        };
        let (server, notifications) = S3::start(place).await.unwrap();
        let faults = Faults::none();
        let (door, _) = server.door(faults.clone()).await.unwrap();
        let mut environment = server.environment_at(&door);
        // Small images at the quickest speed: what is tested is the way, not the codec.
        environment.insert("AVIF_SPEED".into(), "10".into());
        environment.extend(settings.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())));
        let (lines, log) = unbounded_channel();
        let lambda = Lambda::new(function(environment.clone()), lines);
        let deliveries = if told { wire(notifications, lambda.clone()) } else { unbounded_channel().1 };
        Self {
            s3: server.client(SECRET_KEY),
            lambda,
            deliveries,
            log,
            environment,
            server,
            faults,
            _door: door,
            folder,
        }
    }

    /// Puts an object and waits until the function has answered its event.
    pub(crate) async fn put(&mut self, key: &str, bytes: &[u8]) -> Delivery {
        let body = ByteStream::from(bytes.to_vec());
        let put = self.s3.put_object().bucket("photos").key(key).cache_control("max-age=60").body(body);
        put.send().await.unwrap();
        self.deliveries.recv().await.unwrap()
    }

    /// Puts an object and gives the function's report of it.
    pub(crate) async fn report_of(&mut self, key: &str, bytes: &[u8]) -> Report {
        let delivery = self.put(key, bytes).await;
        let answer = delivery.last.result.unwrap();
        let reports: Vec<Report> = serde_json::from_value(answer["reports"].clone()).unwrap();
        let [report] = reports.try_into().unwrap();
        report
    }

    /// What an event comes to for a function that reaches S3 at that endpoint.
    pub(crate) async fn invoke_at(&self, endpoint: &str, event: Value) -> (String, String) {
        let mut environment = self.environment.clone();
        environment.insert("AWS_ENDPOINT_URL_S3".into(), endpoint.to_owned());
        outcome_of(Lambda::new(function(environment), unbounded_channel().0).invoke(event).await.result)
    }

    /// The same, at that door.
    pub(crate) async fn invoke_through(&self, door: &Door, event: Value) -> (String, String) {
        self.invoke_at(&door.endpoint(), event).await
    }

    /// Has these requests of the function refused from here on, and no others, and gives what an event then comes to: the
    /// outcome, and why.
    pub(crate) async fn invoke_with_refusals(&self, refusals: Vec<Refusal>, event: Value) -> (String, String) {
        self.faults.refuse(refusals);
        let result = self.lambda.invoke(event).await.result;
        self.faults.refuse(vec![]);
        outcome_of(result)
    }

    pub(crate) async fn get(&self, bucket: &str, key: &str) -> Vec<u8> {
        let got = self.s3.get_object().bucket(bucket).key(key).send().await.unwrap();
        got.body.collect().await.unwrap().to_vec()
    }

    /// Every key in the bucket, in order.
    pub(crate) async fn keys(&self, bucket: &str) -> Vec<String> {
        let list = self.s3.list_objects_v2().bucket(bucket).send().await.unwrap();
        list.contents.unwrap_or_default().into_iter().filter_map(|object| object.key).collect()
    }

    /// Every line of the log so far.
    pub(crate) fn lines(&mut self) -> Vec<String> {
        std::iter::from_fn(|| self.log.try_recv().ok()).collect()
    }

    /// The function's lines so far that are JSON with a report.
    pub(crate) fn report_lines(&mut self) -> Vec<Value> {
        self.lines()
            .into_iter()
            .filter_map(|line| serde_json::from_str::<Value>(&line).ok())
            .filter(|line| line.get("report").is_some())
            .collect()
    }
}

/// An answer's one outcome, and why.
fn outcome_of(result: Result<Value, FunctionError>) -> (String, String) {
    match result {
        Ok(answer) => {
            let report = &answer["reports"][0];
            let why = report.get("reason").and_then(Value::as_str).unwrap_or_default();
            (report["outcome"].as_str().unwrap().to_owned(), why.to_owned())
        }
        Err(error) => ("failed".to_owned(), error.error_message),
    }
}

/// The bytes of a file in that format: red at the left, green at the bottom, with some texture.
pub(crate) fn image(format: ImageFormat, width: u32, height: u32) -> Vec<u8> {
    let part = |at: u32, of: u32| u8::try_from(at * 255 / of).unwrap();
    let image = RgbImage::from_fn(width, height, |x, y| {
        Rgb([255 - part(x, width), part(y, height), u8::try_from((x * 31 + y * 17) % 64).unwrap()])
    });
    let mut bytes = Cursor::new(vec![]);
    image.write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}
