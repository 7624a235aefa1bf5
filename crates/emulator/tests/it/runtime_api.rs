use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use emulator::{Extensions, Function, FunctionError, Lambda, connect_notifications};
use serde_json::{Value, json};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

/// The function of the tests: the example `scripted`, which Cargo builds together with the tests.
pub(crate) fn function() -> Function {
    let tests = std::env::current_exe().unwrap();
    let program: PathBuf = tests.parent().unwrap().with_file_name("examples").join("scripted");
    Function {
        name: "scripted".into(),
        program,
        environment: BTreeMap::from([("OWN".to_owned(), "value".to_owned())]),
        memory: 512,
        timeout: Duration::from_secs(20),
        concurrency: 1,
        retry_delays: [Duration::ZERO; 2],
        extensions: Extensions::default(),
    }
}

pub(crate) fn start(function: Function) -> (Lambda, UnboundedReceiver<String>) {
    let (sender, log) = unbounded_channel();
    (Lambda::new(function, sender), log)
}

fn drain(log: &mut UnboundedReceiver<String>) -> String {
    std::iter::from_fn(|| log.try_recv().ok()).collect::<Vec<_>>().join("\n")
}

#[tokio::test]
async fn invocation_context_has_the_documented_values() {
    let (lambda, mut log) = start(function());
    let before = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis();
    let invocation = lambda.invoke(json!({"a": "写真"})).await;
    let response = invocation.result.unwrap();
    assert_eq!(response["event"], json!({"a": "写真"}));
    assert_eq!(response["request_id"], json!(invocation.request_id));
    assert_eq!(response["arn"], "arn:aws:lambda:us-east-1:123456789012:function:scripted");
    assert!(response["trace_id"].as_str().unwrap().starts_with("Root=1-"));
    let left = u128::from(response["deadline_ms"].as_u64().unwrap()) - before;
    assert!((20_000..30_000).contains(&left), "{left} ms left, counted from before the start");
    assert!(invocation.init_duration.is_some());
    lambda.stop().await;
    let log = drain(&mut log);
    let id = &invocation.request_id;
    assert!(log.starts_with(&format!("START RequestId: {id} Version: $LATEST")), "{log}");
    assert!(log.contains(&format!("REPORT RequestId: {id}\tDuration: ")) && log.contains("\tInit Duration: "), "{log}");
}

#[tokio::test]
async fn process_gets_only_the_variables_of_lambda_and_the_function() {
    let (lambda, _log) = start(function());
    let response = lambda.invoke(json!({})).await.result.unwrap();
    let variables = response["environment"].as_object().unwrap();
    assert_eq!(variables["OWN"], "value");
    assert_eq!(variables["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"], "512");
    assert_eq!(variables["AWS_REGION"], "us-east-1");
    assert!(variables.contains_key("AWS_LAMBDA_RUNTIME_API") && !variables.contains_key("HOME"), "{variables:?}");
}

#[tokio::test]
async fn idle_environment_is_reused() {
    let (lambda, _log) = start(function());
    let first = lambda.invoke(json!({})).await;
    let second = lambda.invoke(json!({})).await;
    assert_eq!(first.result.unwrap()["process"], second.result.unwrap()["process"]);
    assert_eq!((first.init_duration.is_some(), second.init_duration), (true, None));
}

#[tokio::test]
async fn environment_handles_one_event_at_a_time() {
    let (lambda, _log) = start(Function { concurrency: 2, ..function() });
    let wait = || lambda.invoke(json!({"do": "wait"}));
    let all = tokio::join!(wait(), wait(), wait());
    let processes = [all.0, all.1, all.2].map(|invocation| invocation.result.unwrap().as_u64().unwrap());
    let distinct: std::collections::BTreeSet<_> = processes.iter().collect();
    assert_eq!(distinct.len(), 2, "three events, two environments: {processes:?}");
}

#[tokio::test]
async fn function_error_is_returned_and_the_environment_is_reused() {
    let (lambda, _log) = start(function());
    let failed = lambda.invoke(json!({"do": "fail"})).await.result.unwrap_err();
    assert_eq!(
        failed,
        FunctionError { error_type: "RequestedError".into(), error_message: "the event requested it".into() }
    );
    assert_eq!(lambda.invoke(json!({})).await.init_duration, None);
}

#[tokio::test]
async fn function_that_times_out_is_killed_and_replaced() {
    let (lambda, _log) = start(Function { timeout: Duration::from_secs(1), ..function() });
    let timed_out = lambda.invoke(json!({"do": "hang"})).await;
    let error = timed_out.result.unwrap_err();
    assert_eq!(error.error_type, "Sandbox.Timedout");
    assert!(error.error_message.ends_with("Error: Task timed out after 1.00 seconds"), "{error}");
    assert!(lambda.invoke(json!({})).await.init_duration.is_some());
}

#[tokio::test]
async fn exit_during_an_invocation_fails_the_invocation() {
    let (lambda, _log) = start(function());
    let exited = lambda.invoke(json!({"do": "exit"})).await;
    let message = format!("RequestId: {} Error: Runtime exited with error: exit status 3", exited.request_id);
    assert_eq!(
        exited.result.unwrap_err(),
        FunctionError { error_type: "Runtime.ExitError".into(), error_message: message }
    );
    assert!(lambda.invoke(json!({})).await.result.is_ok());
}

#[tokio::test]
async fn function_that_cannot_start_returns_an_init_error() {
    let (lambda, _log) = start(Function { program: "/nowhere/bootstrap".into(), ..function() });
    let error = lambda.invoke(json!({})).await.result.unwrap_err();
    assert_eq!(error.error_type, "Runtime.InvalidEntrypoint");
    assert!(error.error_message.contains("/nowhere/bootstrap"), "{error}");
    let environment = BTreeMap::from([("DO".to_owned(), "exit".to_owned())]);
    let (lambda, _log) = start(Function { environment, ..function() });
    let error = lambda.invoke(json!({})).await.result.unwrap_err();
    assert_eq!(error.to_string(), "Runtime.ExitError: Runtime exited with error: exit status 1");
}

#[tokio::test]
async fn response_over_six_megabytes_is_rejected() {
    let (lambda, _log) = start(function());
    let error = lambda.invoke(json!({"do": "large"})).await.result.unwrap_err();
    assert_eq!(error.error_type, "Function.ResponseSizeTooLarge");
}

#[tokio::test]
async fn standard_output_and_error_are_logged() {
    let (lambda, mut log) = start(function());
    lambda.invoke(json!({"do": "print"})).await.result.unwrap();
    lambda.stop().await;
    let log = drain(&mut log);
    assert!(log.lines().any(|line| line == "out") && log.lines().any(|line| line == "err"), "{log}");
}

#[tokio::test]
async fn asynchronous_invocation_is_attempted_three_times() {
    let (lambda, _log) = start(function());
    let invocation = lambda.invoke_async(json!({"do": "fail"})).await;
    assert_eq!((invocation.failed_attempts.len(), invocation.last_attempt.result.is_err()), (2, true));
    let folder = tempfile::tempdir().unwrap();
    let invocation = lambda.invoke_async(json!({"do": "recover", "file": folder.path().join("attempted")})).await;
    assert_eq!((invocation.failed_attempts.len(), invocation.last_attempt.result), (1, Ok(json!("recovered"))));
}

#[tokio::test]
async fn stop_finishes_the_running_invocation_and_fails_waiting_ones() {
    let (lambda, _log) = start(function());
    let wait = || lambda.invoke(json!({"do": "wait"}));
    // `join!` polls in this order, so the first invocation takes the only environment before the others begin.
    let (running, waiting, ()) = tokio::join!(wait(), wait(), lambda.stop());
    assert!(running.result.is_ok(), "{running:?}");
    assert_eq!(waiting.result.unwrap_err().error_type, "Emulator.Stopped");
}

#[tokio::test]
async fn every_notification_invokes_the_function() {
    let (lambda, _log) = start(Function { concurrency: 2, ..function() });
    let (sender, notifications) = unbounded_channel();
    for number in 0..5 {
        sender.send(json!({ "number": number })).unwrap();
    }
    drop(sender);
    let mut invocations = connect_notifications(notifications, lambda);
    let mut numbers = vec![];
    while let Some(invocation) = invocations.recv().await {
        numbers.push(invocation.last_attempt.result.unwrap()["event"]["number"].as_u64().unwrap());
    }
    numbers.sort_unstable();
    assert_eq!(numbers, [0, 1, 2, 3, 4]);
}

#[tokio::test]
async fn second_response_to_an_invocation_is_rejected() {
    use std::io::{Read, Write};
    let (lambda, _log) = start(function());
    let response = lambda.invoke(json!({})).await.result.unwrap();
    let api = response["environment"]["AWS_LAMBDA_RUNTIME_API"].as_str().unwrap().to_owned();
    let id = response["request_id"].as_str().unwrap().to_owned();
    let response = tokio::task::spawn_blocking(move || {
        let mut stream = std::net::TcpStream::connect(&api).unwrap();
        let path = format!("/2018-06-01/runtime/invocation/{id}/response");
        write!(stream, "POST {path} HTTP/1.1\r\nHost: {api}\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{{}}")
            .unwrap();
        let mut response = String::new();
        stream.read_to_string(&mut response).unwrap();
        response
    });
    let response = response.await.unwrap();
    assert!(response.starts_with("HTTP/1.1 400") && response.contains("InvalidRequestID"), "{response}");
    let body: Value = serde_json::from_str(response.rsplit_once("\r\n\r\n").unwrap().1).unwrap();
    assert_eq!(body["errorType"], "InvalidRequestID");
}
