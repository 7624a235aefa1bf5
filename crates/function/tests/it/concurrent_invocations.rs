//! Tests several invocations that run at the same time in one execution environment, as on Lambda Managed Instances.

use image::ImageFormat;
use serde_json::json;

use crate::deployment::{Deployment, image};
use crate::managed_instance::ManagedInstance;

#[tokio::test]
async fn short_invocation_does_not_wait_for_a_long_one() {
    let mut deployment = Deployment::without_events(&[]).await;
    let keys: Vec<String> = (0..20).map(|number| format!("{number}.png")).collect();
    for key in &keys {
        deployment.put_source(key, &image(ImageFormat::Png, 300, 200)).await;
    }
    let ManagedInstance { function: _function, events, mut responses } =
        ManagedInstance::start(deployment.environment.clone(), "2").await;
    let task = |key: &String| json!({ "taskId": key, "s3Key": key, "s3Bucket": "photos" });
    let tasks: Vec<_> = keys.iter().map(task).collect();
    events.send(("long", json!({ "invocationSchemaVersion": "2.0", "invocationId": "i", "tasks": tasks }))).unwrap();
    events.send(("short", json!({ "bucket": "photos", "key": "folder/" }))).unwrap();

    let (id, report) = responses.recv().await.unwrap();
    assert_eq!((id.as_str(), &report["outcome"]), ("short", &json!("skipped")));
    let (id, response) = responses.recv().await.unwrap();
    let succeeded = response["results"].as_array().unwrap().iter().filter(|result| result["resultCode"] == "Succeeded");
    assert_eq!((id.as_str(), succeeded.count()), ("long", 20));
}
