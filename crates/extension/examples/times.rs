//! Measures the duration of invocations without the extension, with it, and with failing backends. Prints microseconds
//! from an event to the response, and from a response to the next event.
//!
//!     cargo run --profile quick --workspace --example times

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use axum::Router;
use axum::http::StatusCode;
use emulator::{Extensions, Function, Lambda};
use serde_json::json;
use tokio::net::TcpListener;
use tokio::sync::mpsc::unbounded_channel;

const INVOCATIONS: usize = 1000;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let examples = std::env::current_exe()?;
    let examples = examples.parent().unwrap_or(Path::new("."));
    let failing = backend(Duration::ZERO).await?;
    let slow = backend(Duration::from_mins(1)).await?;
    println!("{:<24}{:>8}{:>8}{:>8}{:>8}", "", "p50", "p90", "p99", "next");
    // Measure twice, to show the variation between runs.
    for _ in 0..2 {
        measure("without", examples, None).await;
        measure("CloudWatch", examples, Some("")).await;
        measure("OpenTelemetry, down", examples, Some("http://127.0.0.1:1")).await;
        measure("OpenTelemetry, 500", examples, Some(&failing)).await;
        measure("OpenTelemetry, slow", examples, Some(&slow)).await;
    }
    Ok(())
}

/// Starts a backend that responds with status 500 after a delay. Returns its URL.
async fn backend(delay: Duration) -> anyhow::Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let response = move || async move {
        tokio::time::sleep(delay).await;
        StatusCode::INTERNAL_SERVER_ERROR
    };
    tokio::spawn(async move { axum::serve(listener, Router::new().fallback(response)).await });
    Ok(format!("http://{address}"))
}

async fn measure(name: &str, examples: &Path, endpoint: Option<&str>) {
    let environment: BTreeMap<String, String> =
        endpoint.map(|at| ("OTEL_EXPORTER_OTLP_ENDPOINT".into(), at.into())).into_iter().collect();
    let extensions = endpoint.map(|_| examples.with_file_name("avif-extension")).into_iter().collect();
    let function = Function {
        name: "f".into(),
        program: examples.join("scripted"),
        environment,
        memory: 512,
        timeout: Duration::from_secs(20),
        concurrency: 1,
        retry_delays: [Duration::ZERO; 2],
        extensions: Extensions { programs: extensions, ..Extensions::default() },
    };
    let (lines, _log) = unbounded_channel();
    let lambda = Lambda::new(function, lines);
    let mut durations = vec![];
    let started = Instant::now();
    for _ in 0..INVOCATIONS {
        durations.push(lambda.invoke(json!({"do": "print"})).await.duration.as_micros());
    }
    let all = started.elapsed().as_micros();
    let between = (all - durations.iter().sum::<u128>()) / INVOCATIONS as u128;
    durations.sort_unstable();
    let at = |percent: usize| durations[INVOCATIONS * percent / 100];
    println!("{name:<24}{:>8}{:>8}{:>8}{between:>8}", at(50), at(90), at(99));
    lambda.stop().await;
}
