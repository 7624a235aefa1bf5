//! Tests `avif backfill` with a bucket of a million keys, which do not fit into the memory limit of the command.

use std::fmt::Write;
use std::process::Stdio;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::{RawQuery, State};
use axum::routing::get;
use tokio::net::TcpListener;
use tokio::process::Command;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

const KEYS: u64 = 1_000_000;
/// The page during which the command is killed.
const KILLED_AT_PAGE: u64 = 500;
/// A million keys with this prefix need more memory than the limit.
const PREFIX: &str = "a-folder-whose-name-is-as-long-as-names-of-folders-can-reasonably-be/and-another-one-inside-of-it-that-is-no-shorter/and-a-third-one-with-a-name-of-about-the-same-length-as-well/and-the-fourth-and-last-one-which-holds-the-photographs/";

#[derive(Clone)]
struct Server {
    pages: Arc<AtomicU64>,
    kill: Arc<Mutex<Option<UnboundedSender<()>>>>,
}

async fn list(State(server): State<Server>, RawQuery(query): RawQuery) -> String {
    if server.pages.fetch_add(1, Ordering::Relaxed) == KILLED_AT_PAGE
        && let Some(kill) = server.kill.lock().unwrap().take()
    {
        kill.send(()).unwrap();
    }
    let query = query.unwrap_or_default();
    let after = query.split('&').find_map(|pair| pair.strip_prefix("start-after=")?.strip_suffix(".jpg"));
    let from = after.map_or(0, |key| key[key.len() - 7..].parse::<u64>().unwrap() + 1);
    let to = (from + 1000).min(KEYS);
    let mut xml = format!("<ListBucketResult><Name>photos</Name><IsTruncated>{}</IsTruncated>", to < KEYS);
    for number in from..to {
        write!(xml, "<Contents><Key>{PREFIX}{number:07}.jpg</Key><Size>1000</Size><ETag>e</ETag></Contents>").unwrap();
    }
    xml + "</ListBucketResult>"
}

#[tokio::test(flavor = "multi_thread")]
async fn backfill_of_a_million_keys_stays_below_the_memory_limit_and_continues_after_a_kill() {
    let (kill, mut killed) = unbounded_channel();
    let pages = Arc::new(AtomicU64::new(0));
    let server = Server { pages: Arc::clone(&pages), kill: Arc::new(Mutex::new(Some(kill))) };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let routes = Router::new().route("/{*bucket}", get(list)).with_state(server);
    tokio::spawn(async move { axum::serve(listener, routes).await });

    let folder = tempfile::tempdir().unwrap();
    let start = || {
        // `ulimit -v` limits the address space. The limit is in KiB.
        let limited = "ulimit -v 196608; exec \"$0\" backfill s3://photos --skip-check";
        let mut shell = Command::new("sh");
        shell.args(["-c", limited, env!("CARGO_BIN_EXE_avif")]).current_dir(folder.path());
        shell.env("AWS_ACCESS_KEY_ID", "test").env("AWS_SECRET_ACCESS_KEY", "test").env("AWS_REGION", "us-east-1");
        shell.env("AWS_ENDPOINT_URL_S3", &endpoint).kill_on_drop(true).stderr(Stdio::piped()).stdout(Stdio::piped());
        // By default, malloc reserves address space for each thread, which would exceed the limit.
        shell.env("MALLOC_ARENA_MAX", "2").spawn().unwrap()
    };
    let mut child = start();
    killed.recv().await.unwrap();
    child.kill().await.unwrap();
    let output = start().wait_with_output().await.unwrap();
    assert!(output.status.success(), "{}", crate::text(&output.stderr));
    assert!(crate::text(&output.stdout).contains("1,000,000 to convert"));
    // At most one page was listed twice.
    assert!(pages.load(Ordering::Relaxed) <= KEYS / 1000 + 2);

    let manifest = std::fs::read_to_string(folder.path().join("avif-backfill/manifest.csv")).unwrap();
    assert!(manifest.len() as u64 > 196_608 << 10, "the keys do not fit into the memory limit");
    let expected = (0..KEYS).map(|number| format!("photos,{PREFIX}{number:07}.jpg"));
    assert!(manifest.lines().eq(expected));
}
