//! Tests that `avif backfill` creates one S3 Batch Operations job for each combination of a state directory and job
//! settings, even if a run is killed.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use emulator::{S3, SECRET_KEY, Settings};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::stub::Stub;
use super::{put, run, start};

const FUNCTION: &str = "arn:aws:lambda:us-east-1:127:function:avif:live";
const ROLE: &str = "arn:aws:iam::127:role/backfill";

struct Setup {
    _s3: S3,
    control: Stub,
    folder: TempDir,
    environment: BTreeMap<String, String>,
}

/// Starts the emulated S3 with one image, and a stub of S3 Control that returns job IDs with the token of the request.
/// If `first_is_unanswered` is set, the stub does not respond to the first request.
async fn setup(first_is_unanswered: bool) -> Setup {
    let folder = tempfile::tempdir().unwrap();
    let buckets = vec!["photos".to_owned(), "work".to_owned()];
    let settings = Settings {
        address: ([127, 0, 0, 1], 0).into(),
        folder: folder.path().join("s3"),
        secret: SECRET_KEY.into(),
        buckets,
    };
    let (s3, _) = S3::start(settings).await.unwrap();
    put(&s3.client(SECRET_KEY), "a.jpg", &[]).await;
    let is_unanswered = AtomicBool::new(first_is_unanswered);
    let control = Stub::start(move |request| {
        let job = format!("job-{}", request.element("ClientRequestToken"));
        let response = (200, format!("<CreateJobResult><JobId>{job}</JobId></CreateJobResult>"));
        (!is_unanswered.swap(false, Ordering::Relaxed)).then_some(response)
    })
    .await;
    let mut environment = s3.environment();
    environment.insert("AWS_ENDPOINT_URL_S3_CONTROL".into(), control.endpoint_of_account_127());
    Setup { _s3: s3, control, folder, environment }
}

impl Setup {
    async fn backfill(&self, state: &str, role: &str) -> String {
        run(self.folder.path(), &self.environment, &arguments(state, role)).await
    }

    /// Runs the command, and kills it while it waits for the response to its job request.
    async fn backfill_killed(&mut self, state: &str, role: &str) {
        let mut child = start(self.folder.path(), &self.environment, &arguments(state, role));
        self.control.unanswered.recv().await.unwrap();
        child.kill().await.unwrap();
    }

    /// Returns the tokens of all requests that the stub of S3 Control has received.
    fn tokens(&self) -> Vec<String> {
        self.control.received().iter().map(|request| request.element("ClientRequestToken").to_owned()).collect()
    }
}

fn arguments<'text>(state: &'text str, role: &'text str) -> [&'text str; 9] {
    ["s3://photos", "--state", state, "--function", FUNCTION, "--role", role, "--work", "s3://work"]
}

fn state(folder: &Path, state: &str) -> Value {
    serde_json::from_slice(&std::fs::read(folder.join(state).join("ledger.json")).unwrap()).unwrap()
}

#[tokio::test]
async fn run_that_was_killed_before_the_response_gets_the_same_job_when_it_is_repeated() {
    let mut setup = setup(true).await;
    setup.backfill_killed("state", ROLE).await;
    let resumed = setup.backfill("state", ROLE).await;
    let [first, second] = setup.tokens().try_into().unwrap();
    assert_eq!(first, second);
    assert!(resumed.contains(&format!("The job job-{first} is created")), "{resumed}");
    let requests = setup.control.received();
    assert_eq!(
        requests[0].body, requests[1].body,
        "if the bodies differed, S3 would respond with IdempotencyException"
    );
}

#[tokio::test]
async fn finished_run_creates_no_second_job() {
    let setup = setup(false).await;
    setup.backfill("state", ROLE).await;
    let again = setup.backfill("state", ROLE).await;
    let [token] = setup.tokens().try_into().unwrap();
    assert!(again.contains(&format!("The job job-{token} was created by an earlier run")), "{again}");
    assert!(again.contains("delete state or choose another directory with --state"), "{again}");
}

#[tokio::test]
async fn new_state_directory_or_changed_settings_create_a_new_job() {
    let setup = setup(false).await;
    setup.backfill("state", ROLE).await;
    setup.backfill("other-state", ROLE).await;
    let repaired = setup.backfill("state", "arn:aws:iam::127:role/repaired").await;
    assert!(repaired.contains("is created"), "{repaired}");
    let again = setup.backfill("state", "arn:aws:iam::127:role/repaired").await;
    assert!(again.contains("was created by an earlier run"), "{again}");
    let tokens = setup.tokens();
    assert_eq!(tokens.len(), 3);
    assert_eq!(tokens.iter().collect::<BTreeSet<_>>().len(), 3, "{tokens:?}");
    // S3 accepts tokens of at most 64 characters.
    assert!(tokens.iter().all(|token| token.len() == 36), "{tokens:?}");
}

#[tokio::test]
async fn changed_settings_after_a_kill_use_a_new_token() {
    let mut setup = setup(true).await;
    setup.backfill_killed("state", ROLE).await;
    let resumed = setup.backfill("state", "arn:aws:iam::127:role/repaired").await;
    let [first, second] = setup.tokens().try_into().unwrap();
    assert_ne!(first, second, "S3 would respond to the first token with IdempotencyException");
    assert!(resumed.contains(&format!("The job job-{second} is created")), "{resumed}");
}

#[tokio::test]
async fn job_in_the_state_of_the_first_release_is_not_created_again() {
    let setup = setup(false).await;
    setup.backfill("state", ROLE).await;
    let mut older = state(setup.folder.path(), "state");
    let fields = older.as_object_mut().unwrap();
    fields.remove("job_request").unwrap();
    fields.insert("job".into(), json!("of-an-older-version"));
    fields["counts"].as_object_mut().unwrap().remove("archived").unwrap();
    std::fs::write(setup.folder.path().join("state/ledger.json"), older.to_string()).unwrap();
    let again = setup.backfill("state", ROLE).await;
    assert!(again.contains("The job of-an-older-version was created by an earlier run"), "{again}");
    assert_eq!(setup.tokens().len(), 1);
}
