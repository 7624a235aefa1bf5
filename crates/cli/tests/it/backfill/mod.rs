//! `avif backfill`, against an S3 that kills it, against moto, against a listing without an end, and against endpoints whose
//! answers a test chooses.

mod archived;
mod credentials;
mod errors;
mod job;
mod moto;
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

/// `avif backfill` in that folder, with these variables and no others.
fn command(folder: &Path, environment: &BTreeMap<String, String>, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_avif"));
    command.current_dir(folder).env_clear().envs(environment);
    command.arg("backfill").args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    command
}

/// Starts it in a region.
fn start(folder: &Path, environment: &BTreeMap<String, String>, arguments: &[&str]) -> Child {
    command(folder, environment, arguments).env("AWS_REGION", "us-east-1").spawn().unwrap()
}

/// Runs it to its end, which has to be a good one, and gives what it said.
async fn run(folder: &Path, environment: &BTreeMap<String, String>, arguments: &[&str]) -> String {
    let output: Output = start(folder, environment, arguments).wait_with_output().await.unwrap();
    assert!(output.status.success(), "{}", crate::text(&output.stderr));
    crate::text(&output.stdout)
}

/// Lays an object there, with these user metadata, and gives its ETag.
async fn lay(s3: &Client, key: &str, metadata: &[(&str, &str)]) -> String {
    let mut put = s3.put_object().bucket("photos").key(key).body(ByteStream::from(key.as_bytes().to_vec()));
    for (name, value) in metadata {
        put = put.metadata(*name, *value);
    }
    put.send().await.unwrap().e_tag.unwrap().trim_matches('"').to_owned()
}

/// 5,000 photographs and what else there is in a bucket; of every tenth the variant is stored already, by this recipe and of
/// its state, and of some by another recipe or of another state. Gives the keys that are to do.
async fn fill(s3: &Client) -> BTreeSet<String> {
    let recipe = function::config::Config::parse(&BTreeMap::new()).unwrap().plan.fingerprint();
    let recipe = recipe.as_str();
    let lay_one = |number: u32| async move {
        let key = format!("album {}/{number:04}, é+.jpg", number % 7);
        let etag = lay(s3, &key, &[]).await;
        let (marked, etag) = match number % 10 {
            0 => (Some(recipe), etag.as_str()),
            1 if number < 100 => (Some("another"), etag.as_str()),
            2 if number < 100 => (Some(recipe), "another"),
            _ => (None, ""),
        };
        if let Some(recipe) = marked {
            lay(s3, &format!("{key}.avif"), &[("avif-recipe", recipe), ("avif-source-etag", etag)]).await;
        }
        (!number.is_multiple_of(10)).then_some(key)
    };
    for key in ["notes.txt", "a.jpg.w640", "b.avif"] {
        lay(s3, key, &[]).await;
    }
    stream::iter(0..5000).map(lay_one).buffer_unordered(32).filter_map(std::future::ready).collect().await
}

/// The manifest's keys, decoded.
fn manifest(folder: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(folder.join("avif-backfill/manifest.csv")).unwrap();
    let decode = |line: &str| {
        let key = line.strip_prefix("photos,").unwrap();
        percent_encoding::percent_decode_str(key).decode_utf8().unwrap().into_owned()
    };
    text.lines().map(decode).collect()
}

/// What is written down; nothing as long as that is nothing.
fn ledger(folder: &Path) -> Option<Value> {
    serde_json::from_slice(&std::fs::read(folder.join("avif-backfill/ledger.json")).ok()?).ok()
}

/// Each of the keys once.
fn assert_each_once(listed: Vec<String>, keys: &BTreeSet<String>) {
    assert_eq!(listed.len(), keys.len());
    assert_eq!(&listed.into_iter().collect::<BTreeSet<_>>(), keys);
}
