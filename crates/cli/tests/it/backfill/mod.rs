//! Tests `avif backfill` with the emulated S3, with moto, with a listing of a million keys, and with stub servers that
//! send fixed responses. Some tests kill the command and run it again.

mod archived;
mod credentials;
mod errors;
mod job;
mod moto;
mod prune;
mod s3s;
mod stub;
mod synthetic;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::{Output, Stdio};

use aws_sdk_s3::Client;
use aws_sdk_s3::primitives::ByteStream;
use futures_util::{StreamExt, stream};
use serde_json::Value;
use tokio::process::{Child, Command};

/// Returns a command that runs `avif backfill` in this directory, with only these environment variables.
fn command(folder: &Path, environment: &BTreeMap<String, String>, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_avif"));
    command.current_dir(folder).env_clear().envs(environment);
    command.arg("backfill").args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    command
}

/// Starts the command in the region us-east-1.
fn start(folder: &Path, environment: &BTreeMap<String, String>, arguments: &[&str]) -> Child {
    command(folder, environment, arguments).env("AWS_REGION", "us-east-1").spawn().unwrap()
}

/// Runs the command, which must succeed, and returns its standard output.
async fn run(folder: &Path, environment: &BTreeMap<String, String>, arguments: &[&str]) -> String {
    let output: Output = start(folder, environment, arguments).wait_with_output().await.unwrap();
    assert!(output.status.success(), "{}", crate::text(&output.stderr));
    crate::text(&output.stdout)
}

/// Uploads an object with this user metadata, and returns its ETag.
async fn put(s3: &Client, key: &str, metadata: &[(&str, &str)]) -> String {
    let mut request = s3.put_object().bucket("photos").key(key).body(ByteStream::from(key.as_bytes().to_vec()));
    for (name, value) in metadata {
        request = request.metadata(*name, *value);
    }
    request.send().await.unwrap().e_tag.unwrap().trim_matches('"').to_owned()
}

/// Uploads 5,000 sources and some objects that are not sources. Every tenth source has an up-to-date variant. Some
/// other sources have a variant that was created with another recipe or from another version of the source. Returns the
/// keys to convert.
async fn fill(s3: &Client) -> BTreeSet<String> {
    let recipe = settings::Settings::parse(&BTreeMap::new()).unwrap().plan.fingerprint();
    let recipe = recipe.as_str();
    let put_one = |number: u32| async move {
        let key = format!("album {}/{number:04}, é+.jpg", number % 7);
        let etag = put(s3, &key, &[]).await;
        let (fingerprint, etag) = match number % 10 {
            0 => (Some(recipe), etag.as_str()),
            1 if number < 100 => (Some("another"), etag.as_str()),
            2 if number < 100 => (Some(recipe), "another"),
            _ => (None, ""),
        };
        if let Some(recipe) = fingerprint {
            put(s3, &format!("{key}.avif"), &[("avif-recipe", recipe), ("avif-source-etag", etag)]).await;
        }
        (!number.is_multiple_of(10)).then_some(key)
    };
    for key in ["notes.txt", "a.jpg.w640", "b.avif"] {
        put(s3, key, &[]).await;
    }
    stream::iter(0..5000).map(put_one).buffer_unordered(32).filter_map(std::future::ready).collect().await
}

/// Returns the decoded keys of the manifest.
fn manifest(folder: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(folder.join("avif-backfill/manifest.csv")).unwrap();
    let decode = |line: &str| {
        let key = line.strip_prefix("photos,").unwrap();
        percent_encoding::percent_decode_str(key).decode_utf8().unwrap().into_owned()
    };
    text.lines().map(decode).collect()
}

/// Returns the saved state. `None` if no state has been saved yet.
fn state(folder: &Path) -> Option<Value> {
    serde_json::from_slice(&std::fs::read(folder.join("avif-backfill/ledger.json")).ok()?).ok()
}

/// Asserts that the list contains each key exactly once.
fn assert_each_once(listed: Vec<String>, keys: &BTreeSet<String>) {
    assert_eq!(listed.len(), keys.len());
    assert_eq!(&listed.into_iter().collect::<BTreeSet<_>>(), keys);
}
