use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use emulator::{Beside, Function, FunctionError, Lambda, wire};
use serde_json::{Value, json};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

/// The obedient function of `examples`, which cargo builds with the tests and puts beside them.
pub(crate) fn function() -> Function {
    let tests = std::env::current_exe().unwrap();
    let program: PathBuf = tests.parent().unwrap().with_file_name("examples").join("obedient");
    Function {
        name: "obedient".into(),
        program,
        environment: BTreeMap::from([("OWN".to_owned(), "value".to_owned())]),
        memory: 512,
        timeout: Duration::from_secs(20),
        concurrency: 1,
        retry_after: [Duration::ZERO; 2],
        beside: Beside::default(),
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
async fn the_context_is_what_lambda_gives() {
    let (lambda, mut log) = start(function());
    let before = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis();
    let invocation = lambda.invoke(json!({"a": "写真"})).await;
    let answer = invocation.result.unwrap();
    assert_eq!(answer["event"], json!({"a": "写真"}));
    assert_eq!(answer["request_id"], json!(invocation.request_id));
    assert_eq!(answer["arn"], "arn:aws:lambda:us-east-1:123456789012:function:obedient");
    assert!(answer["trace_id"].as_str().unwrap().starts_with("Root=1-"));
    let left = u128::from(answer["deadline_ms"].as_u64().unwrap()) - before;
    assert!((20_000..30_000).contains(&left), "{left} ms from before its start");
    assert!(invocation.init.is_some());
    lambda.stop().await;
    let log = drain(&mut log);
    let id = &invocation.request_id;
    assert!(log.starts_with(&format!("START RequestId: {id} Version: $LATEST")), "{log}");
    assert!(log.contains(&format!("REPORT RequestId: {id}\tDuration: ")) && log.contains("\tInit Duration: "), "{log}");
}

#[tokio::test]
async fn the_environment_is_lambdas_and_the_functions_own_and_nothing_else() {
    let (lambda, _log) = start(function());
    let answer = lambda.invoke(json!({})).await.result.unwrap();
    let variables = answer["environment"].as_object().unwrap();
    assert_eq!(variables["OWN"], "value");
    assert_eq!(variables["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"], "512");
    assert_eq!(variables["AWS_REGION"], "us-east-1");
    assert!(variables.contains_key("AWS_LAMBDA_RUNTIME_API") && !variables.contains_key("HOME"), "{variables:?}");
}

#[tokio::test]
async fn a_warm_environment_is_used_again() {
    let (lambda, _log) = start(function());
    let first = lambda.invoke(json!({})).await;
    let second = lambda.invoke(json!({})).await;
    assert_eq!(first.result.unwrap()["process"], second.result.unwrap()["process"]);
    assert_eq!((first.init.is_some(), second.init), (true, None));
}

#[tokio::test]
async fn an_environment_has_one_event_at_a_time() {
    let (lambda, _log) = start(Function { concurrency: 2, ..function() });
    let wait = || lambda.invoke(json!({"do": "wait"}));
    let all = tokio::join!(wait(), wait(), wait());
    let processes = [all.0, all.1, all.2].map(|invocation| invocation.result.unwrap().as_u64().unwrap());
    let distinct: std::collections::BTreeSet<_> = processes.iter().collect();
    assert_eq!(distinct.len(), 2, "three events, two environments: {processes:?}");
}

#[tokio::test]
async fn an_error_is_the_functions_own_words_and_leaves_it_alive() {
    let (lambda, _log) = start(function());
    let failed = lambda.invoke(json!({"do": "fail"})).await.result.unwrap_err();
    assert_eq!(failed, FunctionError { error_type: "Told".into(), error_message: "to fail".into() });
    assert_eq!(lambda.invoke(json!({})).await.init, None);
}

#[tokio::test]
async fn a_function_that_hangs_is_killed_at_its_deadline_and_begins_anew() {
    let (lambda, _log) = start(Function { timeout: Duration::from_secs(1), ..function() });
    let hung = lambda.invoke(json!({"do": "hang"})).await;
    let error = hung.result.unwrap_err();
    assert_eq!(error.error_type, "Sandbox.Timedout");
    assert!(error.error_message.ends_with("Error: Task timed out after 1.00 seconds"), "{error}");
    assert!(lambda.invoke(json!({})).await.init.is_some());
}

#[tokio::test]
async fn a_function_that_exits_with_the_event_in_hand_fails_it() {
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
async fn a_function_that_cannot_start_says_so() {
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
async fn an_answer_over_six_megabytes_is_refused() {
    let (lambda, _log) = start(function());
    let error = lambda.invoke(json!({"do": "large"})).await.result.unwrap_err();
    assert_eq!(error.error_type, "Function.ResponseSizeTooLarge");
}

#[tokio::test]
async fn both_streams_are_logged() {
    let (lambda, mut log) = start(function());
    lambda.invoke(json!({"do": "print"})).await.result.unwrap();
    lambda.stop().await;
    let log = drain(&mut log);
    assert!(log.lines().any(|line| line == "out") && log.lines().any(|line| line == "err"), "{log}");
}

#[tokio::test]
async fn an_asynchronous_invocation_is_tried_three_times_and_then_dead() {
    let (lambda, _log) = start(function());
    let delivery = lambda.deliver(json!({"do": "fail"})).await;
    assert_eq!((delivery.retried.len(), delivery.last.result.is_err()), (2, true));
    let folder = tempfile::tempdir().unwrap();
    let delivery = lambda.deliver(json!({"do": "recover", "file": folder.path().join("mark")})).await;
    assert_eq!((delivery.retried.len(), delivery.last.result), (1, Ok(json!("recovered"))));
}

#[tokio::test]
async fn stopping_lets_the_event_in_hand_finish_and_fails_those_that_wait() {
    let (lambda, _log) = start(function());
    let wait = || lambda.invoke(json!({"do": "wait"}));
    // They are polled in this order: the first has the one environment when the others ask for it.
    let (in_hand, waiting, ()) = tokio::join!(wait(), wait(), lambda.stop());
    assert!(in_hand.result.is_ok(), "{in_hand:?}");
    assert_eq!(waiting.result.unwrap_err().error_type, "Emulator.Stopped");
}

#[tokio::test]
async fn a_wire_delivers_every_notification() {
    let (lambda, _log) = start(Function { concurrency: 2, ..function() });
    let (sender, notifications) = unbounded_channel();
    for number in 0..5 {
        sender.send(json!({ "number": number })).unwrap();
    }
    drop(sender);
    let mut deliveries = wire(notifications, lambda);
    let mut numbers = vec![];
    while let Some(delivery) = deliveries.recv().await {
        numbers.push(delivery.last.result.unwrap()["event"]["number"].as_u64().unwrap());
    }
    numbers.sort_unstable();
    assert_eq!(numbers, [0, 1, 2, 3, 4]);
}

/// What a runtime that answers twice, or for another, is told.
#[tokio::test]
async fn an_answer_to_no_event_in_hand_is_refused() {
    use std::io::{Read, Write};
    let (lambda, _log) = start(function());
    let answer = lambda.invoke(json!({})).await.result.unwrap();
    let api = answer["environment"]["AWS_LAMBDA_RUNTIME_API"].as_str().unwrap().to_owned();
    let id = answer["request_id"].as_str().unwrap().to_owned();
    let reply = tokio::task::spawn_blocking(move || {
        let mut stream = std::net::TcpStream::connect(&api).unwrap();
        let path = format!("/2018-06-01/runtime/invocation/{id}/response");
        write!(stream, "POST {path} HTTP/1.1\r\nHost: {api}\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{{}}")
            .unwrap();
        let mut reply = String::new();
        stream.read_to_string(&mut reply).unwrap();
        reply
    });
    let reply = reply.await.unwrap();
    assert!(reply.starts_with("HTTP/1.1 400") && reply.contains("InvalidRequestID"), "{reply}");
    let body: Value = serde_json::from_str(reply.rsplit_once("\r\n\r\n").unwrap().1).unwrap();
    assert_eq!(body["errorType"], "InvalidRequestID");
}
