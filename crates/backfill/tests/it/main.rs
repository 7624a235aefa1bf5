//! No local server implements S3 Batch Operations, so this test checks the request that the backfill sends. The
//! emulated S3 stores the manifest.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::net::Ipv4Addr;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex};

use aws_config::SdkConfig;
use aws_sdk_s3::config::{BehaviorVersion, Credentials, Region, SharedCredentialsProvider};
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use aws_smithy_runtime_api::client::dns::{DnsFuture, ResolveDns};
use axum::Router;
use axum::extract;
use axum::http::{HeaderMap, Uri};
use axum::routing::post;
use backfill::{BatchOperations, Job, JobSettings, Origin, Selection, State};
use emulator::{ACCESS_KEY, S3, SECRET_KEY, Settings};
use model::{Limits, Recipe};
use tokio::net::TcpListener;
use transfer::{Layout, Plan, StorageOptions, Store, StoreOptions};

/// Resolves every host name to the loopback address. This is necessary because the client of S3 Control puts the
/// account ID before the host name.
#[derive(Debug, Clone)]
struct Loopback;

impl ResolveDns for Loopback {
    fn resolve_dns<'a>(&'a self, _: &'a str) -> DnsFuture<'a> {
        DnsFuture::ready(Ok(vec![Ipv4Addr::LOCALHOST.into()]))
    }
}

/// The path, the account and the body of each request.
type Requests = Arc<Mutex<Vec<(String, String, String)>>>;

async fn create_job(
    extract::State(requests): extract::State<Requests>,
    to: Uri,
    headers: HeaderMap,
    body: String,
) -> String {
    let account = headers["x-amz-account-id"].to_str().unwrap();
    requests.lock().unwrap().push((to.path().to_owned(), account.to_owned(), body));
    "<CreateJobResult><JobId>8f7c3b2a</JobId></CreateJobResult>".to_owned()
}

fn aws_config(endpoint: &str) -> SdkConfig {
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

/// Returns the text of the first XML element with this tag.
fn text<'body>(body: &'body str, tag: &str) -> &'body str {
    let (_, rest) = body.split_once(&format!("<{tag}>")).unwrap();
    rest.split_once(&format!("</{tag}>")).unwrap().0
}

#[tokio::test]
async fn job_is_created_once_from_the_uploaded_manifest() {
    let folder = tempfile::tempdir().unwrap();
    let buckets = vec!["photos".to_owned(), "work".to_owned()];
    let settings = Settings {
        address: ([127, 0, 0, 1], 0).into(),
        folder: folder.path().join("s3"),
        secret: SECRET_KEY.into(),
        buckets,
    };
    let (server, _) = S3::start(settings).await.unwrap();
    let s3 = server.client(SECRET_KEY);
    for key in ["a b.jpg", "c.jpg"] {
        s3.put_object().bucket("photos").key(key).send().await.unwrap();
    }
    let requests = Requests::default();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let control = aws_config(&format!("http://localhost:{}", listener.local_addr().unwrap().port()));
    let routes = Router::new().fallback(post(create_job)).with_state(Arc::clone(&requests));
    tokio::spawn(async move { axum::serve(listener, routes).await });

    let plan = Plan {
        recipe: Recipe::default(),
        rules: vec![],
        limits: Limits::default(),
        layout: Layout::default(),
        storage: StorageOptions::default(),
        follow_deletions: true,
        threads: NonZeroUsize::MIN,
        processors: 1.0,
    };
    let store = Store::new(
        &aws_config(&server.endpoint_url()),
        StoreOptions { custom_endpoint: true, ..StoreOptions::default() },
    );
    let origin = Origin { bucket: "photos".into(), prefix: String::new(), inventory: None };
    let selection = Selection::new(origin, vec![], true, &plan);
    let mut state = State::open(&folder.path().join("state"), &selection).unwrap();
    backfill::select_sources(&store, &plan, &mut state, |_| ()).await.unwrap();
    let settings = JobSettings {
        account: "123456789012".into(),
        function: "arn:aws:lambda:us-east-1:123456789012:function:avif:live".into(),
        role: "arn:aws:iam::123456789012:role/backfill".into(),
        bucket: "work".into(),
        prefix: "backfill/".into(),
    };
    let batch = BatchOperations { client: aws_sdk_s3control::Client::new(&control), partition: "arn:aws".into() };
    assert_eq!(batch.create_job(&store, &mut state, &settings).await.unwrap(), Job::Created("8f7c3b2a".into()));
    // A later run opens the state directory again.
    let mut reopened = State::open(&folder.path().join("state"), &selection).unwrap();
    assert_eq!(batch.create_job(&store, &mut reopened, &settings).await.unwrap(), Job::Existing("8f7c3b2a".into()));

    let [(path, account, body)] = requests.lock().unwrap().clone().try_into().unwrap();
    assert_eq!((path.as_str(), account.as_str()), ("/v20180820/jobs", settings.account.as_str()));
    // deploy/tests/test_backfill.py validates create-job.xml with the service model of botocore.
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
