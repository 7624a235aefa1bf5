//! An image that takes too long, crashes or takes too much memory affects neither the other images nor the environment.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use axum::Router;
use axum::http::HeaderValue;
use axum::http::header::EXPIRES;
use axum::response::IntoResponse;
use emulator::{Function, Lambda};
use image::{ImageFormat, RgbImage};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::mpsc::unbounded_channel;
use tokio::time::sleep;

use crate::bootstrap::function;
use crate::deployment::{Deployment, image};
use crate::managed_instance::Managed;

const GOOD: [&str; 4] = ["1.png", "2.png", "3.png", "4.png"];

/// A source that takes seconds at speed 0, which is more than its size suggests.
const SLOW: &str = "slow.png";

/// A house with one slow source and four good ones, at speed 0.
async fn house(settings: &[(&str, &str)]) -> Deployment {
    let all = [("AVIF_SPEED", "0"), ("AVIF_QUALITY", "60"), ("AWS_SESSION_TOKEN", "secret")];
    let mut house = Deployment::untold(&[&all[..], settings].concat()).await;
    let mut random = fastrand::Rng::with_seed(1);
    let noise = RgbImage::from_fn(280, 280, |_, _| image::Rgb([random.u8(..), random.u8(..), random.u8(..)]));
    let mut slow = std::io::Cursor::new(vec![]);
    noise.write_to(&mut slow, ImageFormat::Png).unwrap();
    house.lay(SLOW, slow.get_ref()).await;
    for key in GOOD {
        house.lay(key, &image(ImageFormat::Png, 20, 15)).await;
    }
    house
}

fn lambda(house: &Deployment, timeout: Duration) -> Lambda {
    Lambda::new(Function { timeout, ..function(house.environment.clone()) }, unbounded_channel().0)
}

fn order(key: &str) -> Value {
    json!({ "bucket": "photos", "key": key })
}

/// Messages of a queue, one for each key, with the key as the identifier.
fn batch(keys: &[&str]) -> Value {
    let message = |key: &&str| {
        let record = json!({
            "eventSource": "aws:s3", "eventName": "ObjectCreated:Put",
            "s3": { "bucket": { "name": "photos" }, "object": { "key": key } }
        });
        json!({ "messageId": key, "eventSource": "aws:sqs", "body": json!({ "Records": [record] }).to_string() })
    };
    json!({ "Records": keys.iter().map(message).collect::<Vec<_>>() })
}

/// The identifiers of the messages that come back.
fn failures(answer: &Value) -> Vec<&str> {
    let failures = answer["batchItemFailures"].as_array().unwrap();
    failures.iter().map(|failure| failure["itemIdentifier"].as_str().unwrap()).collect()
}

async fn assert_good_ones_convert(lambda: &Lambda) {
    for key in GOOD {
        let report = lambda.invoke(order(key)).await.result.unwrap();
        assert_eq!(report["outcome"], "converted", "{key}: {report}");
    }
}

/// The process that converts for a function that this test started.
async fn converting() -> Pid {
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
async fn image_over_its_cpu_time_is_rejected_and_the_next_ones_convert() {
    let house = house(&[("AVIF_MAX_SECONDS", "1")]).await;
    let lambda = lambda(&house, Duration::from_mins(1));
    let report = lambda.invoke(order(SLOW)).await.result.unwrap();
    assert_eq!(report["outcome"], "rejected", "{report}");
    let reason = report["reason"].as_str().unwrap();
    assert!(reason.contains("more than the 1 s of CPU time") && reason.contains("AVIF_MAX_SECONDS"), "{reason}");
    assert_good_ones_convert(&lambda).await;
}

/// The search takes several times as long as the estimate says, and one encode does not.
#[tokio::test]
async fn image_whose_search_takes_too_long_is_converted_without_a_search() {
    let mut house = house(&[("AVIF_SPEED", "6"), ("AVIF_QUALITY", "visual:75"), ("AVIF_MAX_SECONDS", "1")]).await;
    let mut random = fastrand::Rng::with_seed(1);
    let noise = RgbImage::from_fn(1000, 700, |_, _| image::Rgb([random.u8(..), random.u8(..), random.u8(..)]));
    let mut file = std::io::Cursor::new(vec![]);
    noise.write_to(&mut file, ImageFormat::Png).unwrap();
    house.lay("noise.png", file.get_ref()).await;
    let report = lambda(&house, Duration::from_mins(1)).invoke(order("noise.png")).await.result.unwrap();
    assert_eq!(report["outcome"], "converted", "{report}");
    assert!(report["notes"].to_string().contains("there was no time for it"), "{report}");
}

#[tokio::test]
async fn without_a_setting_an_image_has_the_cpu_time_of_half_the_timeout() {
    // 512 MB have .29 of a processor: half of 6 s of it is less than a second, and a second is the least.
    let house = house(&[]).await;
    let small = Function { timeout: Duration::from_secs(6), memory: 512, ..function(house.environment.clone()) };
    let report = Lambda::new(small, unbounded_channel().0).invoke(order(SLOW)).await.result.unwrap();
    assert!(report["reason"].as_str().unwrap().contains("more than the 1 s of CPU time"), "{report}");
}

#[tokio::test]
async fn slow_image_of_a_batch_is_done_with_and_the_others_are_converted() {
    let house = house(&[("AVIF_MAX_SECONDS", "1")]).await;
    let lambda = lambda(&house, Duration::from_mins(1));
    let keys = [&[SLOW], &GOOD[..]].concat();
    let answer = lambda.invoke(batch(&keys)).await.result.unwrap();
    assert_eq!(failures(&answer), [""; 0], "rejected is done");
    let keys = house.keys("photos").await;
    assert!(!keys.contains(&format!("{SLOW}.avif")), "{keys:?}");
    assert!(GOOD.iter().all(|key| keys.contains(&format!("{key}.avif"))), "{keys:?}");
}

#[tokio::test]
async fn slow_image_within_its_cpu_time_leaves_the_others_a_quarter_of_the_time() {
    let mut house = house(&[("AVIF_MAX_SECONDS", "60")]).await;
    let lambda = lambda(&house, Duration::from_secs(4));
    let keys = [&[SLOW], &GOOD[..]].concat();
    let answer = lambda.invoke(batch(&keys)).await.result.unwrap();
    assert_eq!(failures(&answer), [SLOW]);
    // Alone, it has all of the time, and fails at the deadline.
    let error = lambda.invoke(order(SLOW)).await.result.unwrap_err();
    assert!(error.error_message.contains("at the deadline, while converting"), "{error}");
    house.lay("next.png", &image(ImageFormat::Png, 20, 15)).await;
    assert_eq!(lambda.invoke(order("next.png")).await.result.unwrap()["outcome"], "converted");
}

#[tokio::test]
async fn slow_event_does_not_fail_those_beside_it() {
    let house = house(&[("AVIF_MAX_SECONDS", "1")]).await;
    let Managed { function: _function, events, mut answered } = Managed::start(house.environment.clone(), "5").await;
    events.send(("slow", order(SLOW))).unwrap();
    for key in GOOD {
        events.send((key, order(key))).unwrap();
    }
    for _ in 0..=GOOD.len() {
        let (id, report) = answered.recv().await.unwrap();
        assert_eq!(report["outcome"], if id == "slow" { "rejected" } else { "converted" }, "{id}: {report}");
    }
}

/// The error of an image whose process a signal ends, after `look` has seen that process. The next images convert.
#[cfg(target_os = "linux")]
async fn error_after(signal: Signal, look: impl AsyncFnOnce(Pid)) -> String {
    let house = house(&[]).await;
    let lambda = lambda(&house, Duration::from_mins(1));
    let end = async {
        let id = converting().await;
        look(id).await;
        kill(id, signal).unwrap();
    };
    let (answer, ()) = tokio::join!(lambda.invoke(order(SLOW)), end);
    assert_good_ones_convert(&lambda).await;
    answer.result.unwrap_err().error_message
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn crash_while_converting_fails_that_image_alone() {
    let error = error_after(Signal::SIGILL, async |_| ()).await;
    assert!(error.contains("ended early (signal: 4 (SIGILL)"), "{error}");
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn image_that_the_system_ends_for_want_of_memory_fails_alone() {
    // The system sends this signal if it runs out of memory.
    let error = error_after(Signal::SIGKILL, async |_| ()).await;
    assert!(error.contains("most likely because memory ran out"), "{error}");
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn conversion_has_limits_and_no_credentials() {
    let look = async |id: Pid| {
        // Only root may read it.
        let environment = std::fs::read_to_string(format!("/proc/{id}/environ"));
        let has_credentials = environment.is_ok_and(|environment| environment.contains("AWS_"));
        assert!(!has_credentials, "it has credentials");
        let limit_at = |name: &str, column: usize| {
            let limits = std::fs::read_to_string(format!("/proc/{id}/limits")).unwrap();
            let line = limits.lines().find(|line| line.starts_with(name)).unwrap();
            line[name.len()..].split_whitespace().nth(column).unwrap().to_owned()
        };
        let limit = |name: &str| limit_at(name, 0);
        // The process sets its limits itself, before it does anything else.
        while limit("Max data size") == "unlimited" {
            sleep(Duration::from_millis(5)).await;
        }
        // Nine tenths of 2,048 MiB, less the memory for waiting files and for the function itself; twice that to encode.
        let usable = (2048_u64 << 20) / 10 * 9;
        let memory = usable - usable / 16 - (24 << 20);
        assert!([memory, 2 * memory].map(|memory| memory.to_string()).contains(&limit("Max data size")));
        assert_eq!(limit_at("Max data size", 1), (2 * memory).to_string());
        assert_eq!((limit("Max core file size"), limit("Max cpu time")), ("0".into(), "35".into()));
    };
    error_after(Signal::SIGKILL, look).await;
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn conversion_ends_with_the_environment() {
    let house = house(&[]).await;
    let Managed { mut function, events, .. } = Managed::start(house.environment.clone(), "1").await;
    events.send(("slow", order(SLOW))).unwrap();
    let child = converting().await;
    // It has read the image by now: this is CPU time in user mode, in hundredths of a second (proc_pid_stat(5), field 14).
    let cpu_time = || {
        let stat = std::fs::read_to_string(format!("/proc/{child}/stat")).unwrap();
        stat.rsplit(')').next().unwrap().split_whitespace().nth(11).unwrap().parse::<u32>().unwrap()
    };
    while cpu_time() < 20 {
        sleep(Duration::from_millis(5)).await;
    }
    function.kill().await.unwrap();
    let is_there = || PathBuf::from(format!("/proc/{child}/cmdline")).exists();
    let begun = Instant::now();
    while is_there() && begun.elapsed() < Duration::from_secs(2) {
        sleep(Duration::from_millis(5)).await;
    }
    assert!(!is_there(), "it goes on without anybody to answer");
}

/// A server whose objects expire at a time that is no text, which the SDK does not expect.
#[tokio::test]
async fn panic_in_a_job_fails_that_job_alone() {
    let house = house(&[]).await;
    let answer = || async {
        let expires = HeaderValue::from_bytes(b"\xe9").unwrap();
        ([(EXPIRES, expires)], [("etag", "\"e\"")], "bytes").into_response()
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, Router::new().fallback(answer)).await });
    let (outcome, reason) = house.invoke_at(&endpoint, order("a.png")).await;
    assert_eq!(outcome, "failed");
    assert!(reason.contains("s3://photos/a.png: a panic: "), "{reason}");
}
