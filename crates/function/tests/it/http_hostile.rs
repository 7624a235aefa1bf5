//! Hostile HTTP requests: whatever a client sends, the function reads only served objects and writes nothing.

use emulator::Call;
use fastrand::Rng;
use serde_json::Value;

use crate::http::deploy;
use crate::http_client::{request, send};

/// The number of random requests.
const REQUESTS: u32 = 3000;

const PARTS: [&str; 40] = [
    "photos/",
    "photos/",
    "photos/",
    "drafts/",
    "/",
    "//",
    "../",
    "..%2f",
    "%2e%2e/",
    "./",
    "%2F",
    "%5c",
    "\\",
    "a.jpg",
    "b",
    ".avif",
    ".avif.json",
    ".avif.webp",
    ".avif.jpg",
    ".w60",
    ".w61",
    ".c1x1",
    "%00",
    "%0d%0aSet-Cookie:%20a=b",
    "%zz",
    "%",
    "%ff",
    "%C0%AF",
    "%E5%86%99",
    "写",
    "\u{202e}",
    "\r\n",
    "\u{0}",
    "?",
    "#",
    ";",
    "\"",
    "<script>",
    "s3://",
    "%252e%252e",
];
const QUERIES: [&str; 14] = [
    "",
    "",
    "width=60",
    "width=61",
    "width=0",
    "width=99999",
    "width=-1",
    "width=60&width=60",
    "size=full",
    "size=1x1",
    "size=%00",
    "x=1",
    "%",
    "width=60%0d%0aa:b",
];
const ACCEPTS: [&str; 6] = ["image/avif", "*/*", "", "image/avif;q=\u{0}", ",,,;;;===", "\r\nimage/avif"];
const METHODS: [&str; 8] = ["GET", "GET", "GET", "GET", "HEAD", "POST", "get", "\r\n"];

fn random_request(random: &mut Rng) -> Value {
    let parts = (0..random.usize(0..7)).map(|_| PARTS[random.usize(0..PARTS.len())]);
    let mut path = format!("/{}", parts.collect::<String>());
    if random.u8(0..40) == 0 {
        path += &"k".repeat(8192);
    }
    let mut headers = vec![("accept", ACCEPTS[random.usize(0..ACCEPTS.len())])];
    if random.bool() {
        headers.push(("if-none-match", "\"\r\n, *"));
    }
    let mut event = request(METHODS[random.usize(0..METHODS.len())], "", &headers);
    event["rawPath"] = path.into();
    event["rawQueryString"] = QUERIES[random.usize(0..QUERIES.len())].into();
    if random.u8(0..4) == 0 {
        event["requestContext"]["domainName"] = "abc.execute-api.us-east-1.amazonaws.com".into();
    }
    event
}

fn is_harmless(call: &Call) -> bool {
    let is_read = ["HeadObject", "GetObject", "ListObjectsV2"].contains(&call.operation);
    is_read && call.error.is_some() && call.key.starts_with("photos/")
}

#[tokio::test]
async fn hostile_requests_read_only_served_keys_and_write_nothing() {
    let deployment = deploy(&[]).await;
    let objects = deployment.list_keys("photos").await;
    let _ = deployment.server.take_calls();
    let mut random = Rng::with_seed(1);
    let mut reads = 0;
    for number in 0..REQUESTS {
        let event = random_request(&mut random);
        let response = send(&deployment.lambda, event.clone()).await;
        assert!((400..500).contains(&response.status), "{number}: {event}: {response:?}");
        assert!(response.body.len() < 300 && !response.body.contains(&b'\n'), "{event}: {response:?}");
        let calls = deployment.server.take_calls();
        assert!(calls.iter().all(is_harmless), "{event}: {calls:?}");
        reads += calls.len();
    }
    assert!(reads > 0, "some requests should be for served keys that do not exist");
    assert_eq!(deployment.list_keys("photos").await, objects);
    assert_eq!(deployment.list_keys("cdn").await, [""; 0]);
}
