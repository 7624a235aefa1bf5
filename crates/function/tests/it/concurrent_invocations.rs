//! Several events at a time in one environment, as Lambda Managed Instances hand them out.

use image::ImageFormat;
use serde_json::json;

use crate::deployment::{Deployment, image};
use crate::managed_instance::Managed;

#[tokio::test]
async fn a_short_event_does_not_wait_for_a_long_one() {
    let mut house = Deployment::untold(&[]).await;
    let keys: Vec<String> = (0..20).map(|number| format!("{number}.png")).collect();
    for key in &keys {
        house.lay(key, &image(ImageFormat::Png, 300, 200)).await;
    }
    let Managed { function: _function, events, mut answered } = Managed::start(house.environment.clone(), "2").await;
    let task = |key: &String| json!({ "taskId": key, "s3Key": key, "s3Bucket": "photos" });
    let tasks: Vec<_> = keys.iter().map(task).collect();
    events.send(("long", json!({ "invocationSchemaVersion": "2.0", "invocationId": "i", "tasks": tasks }))).unwrap();
    events.send(("short", json!({ "bucket": "photos", "key": "folder/" }))).unwrap();

    let (id, report) = answered.recv().await.unwrap();
    assert_eq!((id.as_str(), &report["outcome"]), ("short", &json!("skipped")));
    let (id, answer) = answered.recv().await.unwrap();
    let done = answer["results"].as_array().unwrap().iter().filter(|result| result["resultCode"] == "Succeeded");
    assert_eq!((id.as_str(), done.count()), ("long", 20));
}
