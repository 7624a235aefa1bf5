//! The job of S3 Batch Operations: one for each run and order, however often a run is killed.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use emulator::{S3, SECRET_KEY, Settings};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::stub::Stub;
use super::{lay, run, start};

const FUNCTION: &str = "arn:aws:lambda:us-east-1:127:function:avif:live";
const ROLE: &str = "arn:aws:iam::127:role/backfill";

struct Place {
    _s3: S3,
    control: Stub,
    folder: TempDir,
    environment: BTreeMap<String, String>,
}

/// An S3 with one photograph, and an S3 Control that gives a job the name of its token. It leaves the first request without an
/// answer where that is wanted.
async fn place(first_is_unanswered: bool) -> Place {
    let folder = tempfile::tempdir().unwrap();
    let buckets = vec!["photos".to_owned(), "work".to_owned()];
    let settings = Settings {
        address: ([127, 0, 0, 1], 0).into(),
        folder: folder.path().join("s3"),
        secret: SECRET_KEY.into(),
        buckets,
    };
    let (s3, _) = S3::start(settings).await.unwrap();
    lay(&s3.client(SECRET_KEY), "a.jpg", &[]).await;
    let is_unanswered = AtomicBool::new(first_is_unanswered);
    let control = Stub::start(move |request| {
        let job = format!("job-{}", request.element("ClientRequestToken"));
        let answer = (200, format!("<CreateJobResult><JobId>{job}</JobId></CreateJobResult>"));
        (!is_unanswered.swap(false, Ordering::Relaxed)).then_some(answer)
    })
    .await;
    let mut environment = s3.environment();
    environment.insert("AWS_ENDPOINT_URL_S3_CONTROL".into(), control.endpoint_of_account_127());
    Place { _s3: s3, control, folder, environment }
}

impl Place {
    async fn backfill(&self, state: &str, role: &str) -> String {
        run(self.folder.path(), &self.environment, &arguments(state, role)).await
    }

    /// Until the job's request is unanswered.
    async fn backfill_killed(&mut self, state: &str, role: &str) {
        let mut child = start(self.folder.path(), &self.environment, &arguments(state, role));
        self.control.unanswered.recv().await.unwrap();
        child.kill().await.unwrap();
    }

    /// The tokens of every request so far.
    fn tokens(&self) -> Vec<String> {
        self.control.received().iter().map(|request| request.element("ClientRequestToken").to_owned()).collect()
    }
}

fn arguments<'text>(state: &'text str, role: &'text str) -> [&'text str; 9] {
    ["s3://photos", "--state", state, "--function", FUNCTION, "--role", role, "--work", "s3://work"]
}

fn ledger(folder: &Path, state: &str) -> Value {
    serde_json::from_slice(&std::fs::read(folder.join(state).join("ledger.json")).unwrap()).unwrap()
}

#[tokio::test]
async fn run_killed_before_the_answer_gets_the_same_job() {
    let mut place = place(true).await;
    place.backfill_killed("state", ROLE).await;
    let resumed = place.backfill("state", ROLE).await;
    let [first, second] = place.tokens().try_into().unwrap();
    assert_eq!(first, second);
    assert!(resumed.contains(&format!("The job job-{first} is created")), "{resumed}");
    let requests = place.control.received();
    assert_eq!(requests[0].body, requests[1].body, "or S3 would answer IdempotencyException");
}

#[tokio::test]
async fn finished_run_creates_no_second_job() {
    let place = place(false).await;
    place.backfill("state", ROLE).await;
    let again = place.backfill("state", ROLE).await;
    let [token] = place.tokens().try_into().unwrap();
    assert!(again.contains(&format!("The job job-{token} was created by an earlier run")), "{again}");
    assert!(again.contains("delete state or give another --state"), "{again}");
}

#[tokio::test]
async fn new_state_folder_and_changed_order_create_a_new_job() {
    let place = place(false).await;
    place.backfill("state", ROLE).await;
    place.backfill("other-state", ROLE).await;
    let repaired = place.backfill("state", "arn:aws:iam::127:role/repaired").await;
    assert!(repaired.contains("is created"), "{repaired}");
    let again = place.backfill("state", "arn:aws:iam::127:role/repaired").await;
    assert!(again.contains("was created by an earlier run"), "{again}");
    let tokens = place.tokens();
    assert_eq!(tokens.len(), 3);
    assert_eq!(tokens.iter().collect::<BTreeSet<_>>().len(), 3, "{tokens:?}");
    // S3 takes up to 64 characters.
    assert!(tokens.iter().all(|token| token.len() == 36), "{tokens:?}");
}

#[tokio::test]
async fn order_changed_after_a_kill_has_a_token_of_its_own() {
    let mut place = place(true).await;
    place.backfill_killed("state", ROLE).await;
    let resumed = place.backfill("state", "arn:aws:iam::127:role/repaired").await;
    let [first, second] = place.tokens().try_into().unwrap();
    assert_ne!(first, second, "S3 would answer IdempotencyException");
    assert!(resumed.contains(&format!("The job job-{second} is created")), "{resumed}");
}

#[tokio::test]
async fn older_ledgers_job_stays() {
    let place = place(false).await;
    place.backfill("state", ROLE).await;
    let mut older = ledger(place.folder.path(), "state");
    let fields = older.as_object_mut().unwrap();
    fields.remove("job_request").unwrap();
    fields.insert("job".into(), json!("of-an-older-version"));
    fields["counts"].as_object_mut().unwrap().remove("archived").unwrap();
    std::fs::write(place.folder.path().join("state/ledger.json"), older.to_string()).unwrap();
    let again = place.backfill("state", ROLE).await;
    assert!(again.contains("The job of-an-older-version was created by an earlier run"), "{again}");
    assert_eq!(place.tokens().len(), 1);
}
