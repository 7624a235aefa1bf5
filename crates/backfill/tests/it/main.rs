//! The job of S3 Batch Operations, which no server on loopback plays: here its request is read as it is sent, by a manifest
//! in a real S3.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::net::Ipv4Addr;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex};

use aws_config::SdkConfig;
use aws_sdk_s3::config::{BehaviorVersion, Credentials, Region, SharedCredentialsProvider};
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use aws_smithy_runtime_api::client::dns::{DnsFuture, ResolveDns};
use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use axum::routing::post;
use backfill::{Batch, Job, Ledger, Order, Origin, Task};
use emulator::{ACCESS_KEY, S3, SECRET_KEY, Settings};
use model::{Limits, Recipe};
use tokio::net::TcpListener;
use transfer::{Connection, Layout, Plan, StorageOptions, Store};

/// S3 Control puts the account before the host's name.
#[derive(Debug, Clone)]
struct Loopback;

impl ResolveDns for Loopback {
    fn resolve_dns<'a>(&'a self, _: &'a str) -> DnsFuture<'a> {
        DnsFuture::ready(Ok(vec![Ipv4Addr::LOCALHOST.into()]))
    }
}

/// Where each went, for which account, and what it said.
type Requests = Arc<Mutex<Vec<(String, String, String)>>>;

async fn create_job(State(requests): State<Requests>, to: Uri, headers: HeaderMap, body: String) -> String {
    let account = headers["x-amz-account-id"].to_str().unwrap();
    requests.lock().unwrap().push((to.path().to_owned(), account.to_owned(), body));
    "<CreateJobResult><JobId>8f7c3b2a</JobId></CreateJobResult>".to_owned()
}

fn access(endpoint: &str) -> SdkConfig {
    let http = aws_smithy_http_client::Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring));
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .http_client(http.build_with_resolver(Loopback))
        .region(Region::new("us-east-1"))
        .credentials_provider(SharedCredentialsProvider::new(Credentials::new(
            ACCESS_KEY, SECRET_KEY, None, None, "test",
        )))
        .endpoint_url(endpoint)
        .build()
}

/// What is between two tags of that name, once.
fn text<'body>(body: &'body str, tag: &str) -> &'body str {
    let (_, rest) = body.split_once(&format!("<{tag}>")).unwrap();
    rest.split_once(&format!("</{tag}>")).unwrap().0
}

#[tokio::test]
async fn a_job_is_created_once_over_the_manifest_that_was_uploaded() {
    let folder = tempfile::tempdir().unwrap();
    let buckets = vec!["photos".to_owned(), "work".to_owned()];
    let place = Settings {
        address: ([127, 0, 0, 1], 0).into(),
        folder: folder.path().join("s3"),
        secret: SECRET_KEY.into(),
        buckets,
    };
    let (server, _) = S3::start(place).await.unwrap();
    let s3 = server.client(SECRET_KEY);
    for key in ["a b.jpg", "c.jpg"] {
        s3.put_object().bucket("photos").key(key).send().await.unwrap();
    }
    let requests = Requests::default();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let control = access(&format!("http://localhost:{}", listener.local_addr().unwrap().port()));
    let routes = Router::new().fallback(post(create_job)).with_state(Arc::clone(&requests));
    tokio::spawn(async move { axum::serve(listener, routes).await });

    let plan = Plan {
        recipe: Recipe::default(),
        limits: Limits::default(),
        layout: Layout::default(),
        storage: StorageOptions::default(),
        follow_deletions: true,
        threads: NonZeroUsize::MIN,
        processors: 1.0,
    };
    let store = Store::with(&access(&server.endpoint()), Connection { custom_endpoint: true, ..Connection::default() });
    let origin = Origin { bucket: "photos".into(), prefix: String::new(), inventory: None };
    let task = Task::new(origin, vec![], true, &plan);
    let mut ledger = Ledger::open(&folder.path().join("ledger"), &task).unwrap();
    backfill::list(&store, &plan, &mut ledger, |_| ()).await.unwrap();
    let order = Order {
        account: "123456789012".into(),
        function: "arn:aws:lambda:us-east-1:123456789012:function:avif:live".into(),
        role: "arn:aws:iam::123456789012:role/backfill".into(),
        bucket: "work".into(),
        prefix: "backfill/".into(),
    };
    let batch = Batch { client: aws_sdk_s3control::Client::new(&control), partition: "arn:aws".into() };
    assert_eq!(batch.create(&store, &mut ledger, &order).await.unwrap(), Job::Created("8f7c3b2a".into()));
    // By another process, which reads the ledger.
    let mut again = Ledger::open(&folder.path().join("ledger"), &task).unwrap();
    assert_eq!(batch.create(&store, &mut again, &order).await.unwrap(), Job::Existing("8f7c3b2a".into()));

    let [(path, account, body)] = requests.lock().unwrap().clone().try_into().unwrap();
    assert_eq!((path.as_str(), account.as_str()), ("/v20180820/jobs", order.account.as_str()));
    // deploy/tests/test_backfill.py holds that file to the service's own model.
    let (token, etag) = (text(&body, "ClientRequestToken"), text(&body, "ETag"));
    let key = text(&body, "ObjectArn").strip_prefix("arn:aws:s3:::work/").unwrap();
    let digest = key.strip_prefix("backfill/manifests/").unwrap().strip_suffix(".csv").unwrap();
    assert_eq!(digest.len(), 64);
    let sent = body.replace(token, "TOKEN").replace(etag, "MANIFEST-ETAG").replace(digest, "MANIFEST-SHA256");
    assert_eq!(sent, include_str!("create-job.xml").trim_end());
    let manifest = s3.get_object().bucket("work").key(key).send().await.unwrap();
    assert_eq!(manifest.e_tag.clone().unwrap().trim_matches('"'), text(&body, "ETag"));
    let manifest = manifest.body.collect().await.unwrap().to_vec();
    assert_eq!(String::from_utf8(manifest).unwrap(), "photos,a%20b.jpg\nphotos,c.jpg\n");
}
