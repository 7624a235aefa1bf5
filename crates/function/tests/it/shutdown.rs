//! The environment ends while an image is in hand.

use std::time::Duration;

use emulator::{Faults, Rates};
use image::ImageFormat;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::json;
use tokio::time::timeout;

use crate::deployment::{Deployment, image};
use crate::managed_instance::Managed;

/// Lambda kills 300 ms later. A busy machine may take longer, but not for ever.
async fn soon<T>(what: impl Future<Output = T>) -> T {
    timeout(Duration::from_secs(10), what).await.expect("it ends by itself")
}

#[tokio::test]
async fn a_image_in_hand_fails_so_that_it_is_retried_and_the_process_ends_by_itself() {
    let mut house = Deployment::untold(&[]).await;
    house.lay("a.png", &image(ImageFormat::Png, 300, 200)).await;
    // A request that would kill is never answered: the image is in hand for as long as it takes.
    let faults = Faults::new(1, Rates { killed: 1000, ..Rates::default() });
    let (door, mut kills) = house.server.door(faults).await.unwrap();
    let mut environment = house.environment.clone();
    environment.extend(house.server.environment_at(&door));
    let mut managed = Managed::start(environment, "1").await;
    managed.events.send(("stuck", json!({ "bucket": "photos", "key": "a.png" }))).unwrap();
    kills.recv().await.unwrap();

    let process = i32::try_from(managed.function.id().unwrap()).unwrap();
    kill(Pid::from_raw(process), Signal::SIGTERM).unwrap();
    let (id, error) = soon(managed.answered.recv()).await.unwrap();
    let message = error["errorMessage"].as_str().unwrap();
    assert!(id == "stuck" && message.contains("shutting down"), "{error}");
    assert!(soon(managed.function.wait()).await.unwrap().success());
}

#[tokio::test]
async fn without_anything_in_hand_it_just_ends() {
    let house = Deployment::untold(&[]).await;
    let mut managed = Managed::start(house.environment.clone(), "1").await;
    managed.events.send(("short", json!({ "bucket": "photos", "key": "folder/" }))).unwrap();
    managed.answered.recv().await.unwrap();
    let process = i32::try_from(managed.function.id().unwrap()).unwrap();
    kill(Pid::from_raw(process), Signal::SIGTERM).unwrap();
    assert!(soon(managed.function.wait()).await.unwrap().success());
}
