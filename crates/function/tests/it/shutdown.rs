//! Tests the shutdown of the execution environment with and without a running invocation.

use std::time::Duration;

use emulator::{FaultRates, Faults};
use image::ImageFormat;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::json;
use tokio::time::timeout;

use crate::deployment::{Deployment, image};
use crate::managed_instance::ManagedInstance;

/// Panics if the future takes longer than 10 s. Lambda kills the process after 300 ms. The limit of the test is higher,
/// because test machines may be busy.
async fn within_time_limit<T>(future: impl Future<Output = T>) -> T {
    timeout(Duration::from_secs(10), future).await.expect("the future should finish within 10 s")
}

#[tokio::test]
async fn sigterm_fails_the_running_image_and_the_process_exits() {
    let mut deployment = Deployment::without_events(&[]).await;
    deployment.put_source("a.png", &image(ImageFormat::Png, 300, 200)).await;
    // The server never responds to a request with this fault, so the invocation does not finish.
    let faults = Faults::new(1, FaultRates { killed: 1000, ..FaultRates::default() });
    let (endpoint, mut kills) = deployment.server.open_endpoint(faults).await.unwrap();
    let mut environment = deployment.environment.clone();
    environment.extend(deployment.server.environment_for(&endpoint));
    let mut instance = ManagedInstance::start(environment, "1").await;
    instance.events.send(("stuck", json!({ "bucket": "photos", "key": "a.png" }))).unwrap();
    kills.recv().await.unwrap();

    let process_id = i32::try_from(instance.function.id().unwrap()).unwrap();
    kill(Pid::from_raw(process_id), Signal::SIGTERM).unwrap();
    let (id, error) = within_time_limit(instance.responses.recv()).await.unwrap();
    let message = error["errorMessage"].as_str().unwrap();
    assert!(id == "stuck" && message.contains("shutting down"), "{error}");
    assert!(within_time_limit(instance.function.wait()).await.unwrap().success());
}

#[tokio::test]
async fn process_without_an_invocation_exits_with_success_after_sigterm() {
    let deployment = Deployment::without_events(&[]).await;
    let mut instance = ManagedInstance::start(deployment.environment.clone(), "1").await;
    instance.events.send(("short", json!({ "bucket": "photos", "key": "folder/" }))).unwrap();
    instance.responses.recv().await.unwrap();
    let process_id = i32::try_from(instance.function.id().unwrap()).unwrap();
    kill(Pid::from_raw(process_id), Signal::SIGTERM).unwrap();
    assert!(within_time_limit(instance.function.wait()).await.unwrap().success());
}
