//! Tests that an image affects neither the other images nor the execution environment if it takes too long, crashes the
//! worker process or needs too much memory.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use axum::Router;
use axum::http::HeaderValue;
use axum::http::header::EXPIRES;
use axum::response::IntoResponse;
use emulator::{Function, Lambda};
use image::{ImageFormat, RgbImage, RgbaImage};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::mpsc::unbounded_channel;
use tokio::time::sleep;

use crate::bootstrap::function;
use crate::deployment::{Deployment, image};
use crate::managed_instance::ManagedInstance;

const GOOD: [&str; 4] = ["1.png", "2.png", "3.png", "4.png"];

/// The key of a source whose conversion takes several seconds at speed 0. The function estimates a shorter time from
/// the size of the image. The image has alpha, so libaom encodes it: SVT-AV1, which does not support alpha, takes a
/// fraction of the time.
const SLOW: &str = "slow.png";

/// Deploys the function at speed 0, with one slow source and four good sources.
async fn deploy(settings: &[(&str, &str)]) -> Deployment {
    let all = [("AVIF_SPEED", "0"), ("AVIF_QUALITY", "60"), ("AWS_SESSION_TOKEN", "secret")];
    let mut deployment = Deployment::without_events(&[&all[..], settings].concat()).await;
    let mut random = fastrand::Rng::with_seed(1);
    let noise = RgbaImage::from_fn(280, 280, |_, _| image::Rgba([(); 4].map(|()| random.u8(..))));
    let mut slow = std::io::Cursor::new(vec![]);
    noise.write_to(&mut slow, ImageFormat::Png).unwrap();
    deployment.put_source(SLOW, slow.get_ref()).await;
    for key in GOOD {
        deployment.put_source(key, &image(ImageFormat::Png, 20, 15)).await;
    }
    deployment
}

fn start_function(deployment: &Deployment, timeout: Duration) -> Lambda {
    Lambda::new(Function { timeout, ..function(deployment.environment.clone()) }, unbounded_channel().0)
}

fn manual_request(key: &str) -> Value {
    json!({ "bucket": "photos", "key": key })
}

/// Returns an SQS event with one message for each key. The key is also the message ID.
fn sqs_event(keys: &[&str]) -> Value {
    let message = |key: &&str| {
        let record = json!({
            "eventSource": "aws:s3", "eventName": "ObjectCreated:Put",
            "s3": { "bucket": { "name": "photos" }, "object": { "key": key } }
        });
        json!({ "messageId": key, "eventSource": "aws:sqs", "body": json!({ "Records": [record] }).to_string() })
    };
    json!({ "Records": keys.iter().map(message).collect::<Vec<_>>() })
}

/// Returns the IDs of the messages that SQS will deliver again.
fn failed_message_ids(response: &Value) -> Vec<&str> {
    let failures = response["batchItemFailures"].as_array().unwrap();
    failures.iter().map(|failure| failure["itemIdentifier"].as_str().unwrap()).collect()
}

async fn assert_good_sources_convert(lambda: &Lambda) {
    for key in GOOD {
        let report = lambda.invoke(manual_request(key)).await.result.unwrap();
        assert_eq!(report["outcome"], "converted", "{key}: {report}");
    }
}

/// Waits until a function of this test has started a worker process, and returns the process ID of the worker.
pub(crate) async fn find_worker_process() -> Pid {
    let text = |id: i32, name: &str| std::fs::read_to_string(format!("/proc/{id}/{name}")).unwrap_or_default();
    let parent = |id| text(id, "status").lines().find_map(|line| line.strip_prefix("PPid:")?.trim().parse().ok());
    let this = i32::try_from(std::process::id()).unwrap();
    loop {
        let processes = std::fs::read_dir("/proc").unwrap().flatten();
        for id in processes.filter_map(|entry| entry.file_name().to_str()?.parse().ok()) {
            if text(id, "cmdline").contains("convert-one-image") && parent(id).and_then(parent) == Some(this) {
                return Pid::from_raw(id);
            }
        }
        sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn image_over_the_cpu_time_limit_is_rejected_and_the_next_images_are_converted() {
    let deployment = deploy(&[("AVIF_MAX_SECONDS", "1")]).await;
    let lambda = start_function(&deployment, Duration::from_mins(1));
    let report = lambda.invoke(manual_request(SLOW)).await.result.unwrap();
    assert_eq!(report["outcome"], "rejected", "{report}");
    let reason = report["reason"].as_str().unwrap();
    assert!(reason.contains("more than the 1 s of CPU time") && reason.contains("AVIF_MAX_SECONDS"), "{reason}");
    assert_good_sources_convert(&lambda).await;
}

/// The quality search of this image takes several times as long as the estimate, and exceeds the limit on CPU time. A
/// single encode of this image stays below the limit.
#[tokio::test]
async fn image_whose_search_takes_too_long_is_converted_without_a_search() {
    let mut deployment = deploy(&[("AVIF_SPEED", "6"), ("AVIF_QUALITY", "visual:75"), ("AVIF_MAX_SECONDS", "1")]).await;
    let mut random = fastrand::Rng::with_seed(1);
    let noise = RgbImage::from_fn(1000, 700, |_, _| image::Rgb([random.u8(..), random.u8(..), random.u8(..)]));
    let mut file = std::io::Cursor::new(vec![]);
    noise.write_to(&mut file, ImageFormat::Png).unwrap();
    deployment.put_source("noise.png", file.get_ref()).await;
    let report =
        start_function(&deployment, Duration::from_mins(1)).invoke(manual_request("noise.png")).await.result.unwrap();
    assert_eq!(report["outcome"], "converted", "{report}");
    assert!(report["notes"].to_string().contains("there was no time for it"), "{report}");
}

#[tokio::test]
async fn default_cpu_time_limit_is_at_least_one_second() {
    // 512 MB of memory provide 0.29 vCPU, so the CPU time in half of the timeout of 6 s is less than 1 s. The minimum
    // limit is 1 s.
    let deployment = deploy(&[]).await;
    let small = Function { timeout: Duration::from_secs(6), memory: 512, ..function(deployment.environment.clone()) };
    let report = Lambda::new(small, unbounded_channel().0).invoke(manual_request(SLOW)).await.result.unwrap();
    assert!(report["reason"].as_str().unwrap().contains("more than the 1 s of CPU time"), "{report}");
}

#[tokio::test]
async fn slow_image_of_a_batch_is_rejected_and_the_other_images_are_converted() {
    let deployment = deploy(&[("AVIF_MAX_SECONDS", "1")]).await;
    let lambda = start_function(&deployment, Duration::from_mins(1));
    let keys = [&[SLOW], &GOOD[..]].concat();
    let response = lambda.invoke(sqs_event(&keys)).await.result.unwrap();
    assert_eq!(failed_message_ids(&response), [""; 0], "a rejected image should not be retried");
    let keys = deployment.list_keys("photos").await;
    assert!(!keys.contains(&format!("{SLOW}.avif")), "{keys:?}");
    assert!(GOOD.iter().all(|key| keys.contains(&format!("{key}.avif"))), "{keys:?}");
}

#[tokio::test]
async fn slow_image_leaves_a_quarter_of_the_time_to_the_other_images_of_its_batch() {
    let mut deployment = deploy(&[("AVIF_MAX_SECONDS", "60")]).await;
    let lambda = start_function(&deployment, Duration::from_secs(4));
    let keys = [&[SLOW], &GOOD[..]].concat();
    let response = lambda.invoke(sqs_event(&keys)).await.result.unwrap();
    assert_eq!(failed_message_ids(&response), [SLOW]);
    // If no other image of the batch is waiting, a slow image may use all of the remaining time. This image is not
    // finished at the deadline, so it fails.
    let error = lambda.invoke(manual_request(SLOW)).await.result.unwrap_err();
    assert!(error.error_message.contains("at the deadline, while converting"), "{error}");
    deployment.put_source("next.png", &image(ImageFormat::Png, 20, 15)).await;
    assert_eq!(lambda.invoke(manual_request("next.png")).await.result.unwrap()["outcome"], "converted");
}

#[tokio::test]
async fn slow_image_does_not_fail_concurrent_invocations() {
    let deployment = deploy(&[("AVIF_MAX_SECONDS", "1")]).await;
    let ManagedInstance { function: _function, events, mut responses } =
        ManagedInstance::start(deployment.environment.clone(), "5").await;
    events.send(("slow", manual_request(SLOW))).unwrap();
    for key in GOOD {
        events.send((key, manual_request(key))).unwrap();
    }
    for _ in 0..=GOOD.len() {
        let (id, report) = responses.recv().await.unwrap();
        assert_eq!(report["outcome"], if id == "slow" { "rejected" } else { "converted" }, "{id}: {report}");
    }
}

/// Calls `inspect` with the worker process, and then ends the process with this signal. Checks that the next images are
/// converted. Returns the error of the first image.
#[cfg(target_os = "linux")]
async fn kill_worker(signal: Signal, inspect: impl AsyncFnOnce(Pid)) -> String {
    let deployment = deploy(&[]).await;
    let lambda = start_function(&deployment, Duration::from_mins(1));
    let inspect_and_kill = async {
        let id = find_worker_process().await;
        inspect(id).await;
        kill(id, signal).unwrap();
    };
    let (invocation, ()) = tokio::join!(lambda.invoke(manual_request(SLOW)), inspect_and_kill);
    assert_good_sources_convert(&lambda).await;
    invocation.result.unwrap_err().error_message
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn crash_of_the_worker_fails_only_its_image() {
    let error = kill_worker(Signal::SIGILL, async |_| ()).await;
    assert!(error.contains("ended early (signal: 4 (SIGILL)"), "{error}");
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn worker_killed_for_lack_of_memory_fails_only_its_image() {
    // Linux sends SIGKILL to a process if the memory is exhausted.
    let error = kill_worker(Signal::SIGKILL, async |_| ()).await;
    assert!(error.contains("most likely because memory ran out"), "{error}");
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn worker_has_limits_and_no_credentials() {
    let inspect = async |id: Pid| {
        // Without root permissions, the test cannot read the environment, and the check passes.
        let environment = std::fs::read_to_string(format!("/proc/{id}/environ"));
        let has_credentials = environment.is_ok_and(|environment| environment.contains("AWS_"));
        assert!(!has_credentials, "the worker should have no credentials");
        let limit_at = |name: &str, column: usize| {
            let limits = std::fs::read_to_string(format!("/proc/{id}/limits")).unwrap();
            let line = limits.lines().find(|line| line.starts_with(name)).unwrap();
            line[name.len()..].split_whitespace().nth(column).unwrap().to_owned()
        };
        let limit = |name: &str| limit_at(name, 0);
        // Wait until the worker has set its own limits.
        while limit("Max data size") == "unlimited" {
            sleep(Duration::from_millis(5)).await;
        }
        // The expected limit is nine tenths of 2,048 MiB, minus the memory for prefetched files and for the function.
        // The worker doubles the limit before it encodes.
        let usable = (2048_u64 << 20) / 10 * 9;
        let memory = usable - usable / 16 - (24 << 20);
        assert!([memory, 2 * memory].map(|memory| memory.to_string()).contains(&limit("Max data size")));
        assert_eq!(limit_at("Max data size", 1), (2 * memory).to_string());
        assert_eq!((limit("Max core file size"), limit("Max cpu time")), ("0".into(), "35".into()));
    };
    kill_worker(Signal::SIGKILL, inspect).await;
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn worker_exits_if_its_function_is_killed() {
    let deployment = deploy(&[]).await;
    let ManagedInstance { mut function, events, .. } =
        ManagedInstance::start(deployment.environment.clone(), "1").await;
    events.send(("slow", manual_request(SLOW))).unwrap();
    let worker = find_worker_process().await;
    // Returns the CPU time of the worker in user mode, in hundredths of a second (proc_pid_stat(5), field 14). After a
    // CPU time of 0.2 s, the worker has read the image.
    let cpu_time = || {
        let stat = std::fs::read_to_string(format!("/proc/{worker}/stat")).unwrap();
        stat.rsplit(')').next().unwrap().split_whitespace().nth(11).unwrap().parse::<u32>().unwrap()
    };
    while cpu_time() < 20 {
        sleep(Duration::from_millis(5)).await;
    }
    function.kill().await.unwrap();
    let is_running = || PathBuf::from(format!("/proc/{worker}/cmdline")).exists();
    let killed_at = Instant::now();
    while is_running() && killed_at.elapsed() < Duration::from_secs(2) {
        sleep(Duration::from_millis(5)).await;
    }
    assert!(!is_running(), "the worker should exit after its function was killed");
}

/// The server sends an `Expires` header that is not valid text. The SDK panics when it reads this header.
#[tokio::test]
async fn panic_in_a_job_fails_only_that_job() {
    let deployment = deploy(&[]).await;
    let respond = || async {
        let expires = HeaderValue::from_bytes(b"\xe9").unwrap();
        ([(EXPIRES, expires)], [("etag", "\"e\"")], "bytes").into_response()
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, Router::new().fallback(respond)).await });
    let (outcome, reason) = deployment.invoke_with_endpoint(&endpoint, manual_request("a.png")).await;
    assert_eq!(outcome, "failed");
    assert!(reason.contains("s3://photos/a.png: the job panicked: "), "{reason}");
}
