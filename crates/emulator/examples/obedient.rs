//! A function that does what the event says, for this crate's tests. It is an ordinary client of the Runtime API.

use std::time::Duration;

use lambda_runtime::{Diagnostic, LambdaEvent, service_fn};
use serde_json::{Value, json};

#[tokio::main]
#[expect(clippy::disallowed_methods, reason = "it is told so before there is any event")]
async fn main() -> Result<(), lambda_runtime::Error> {
    if std::env::var_os("DO").is_some_and(|what| what == "exit") {
        std::process::exit(1);
    }
    lambda_runtime::run(service_fn(obey)).await
}

#[expect(clippy::disallowed_methods, reason = "showing its environment is what it is told to do")]
async fn obey(event: LambdaEvent<Value>) -> Result<Value, Diagnostic> {
    let LambdaEvent { payload, context } = event;
    let process = std::process::id();
    match payload["do"].as_str().unwrap_or_default() {
        "fail" => Err(Diagnostic { error_type: "Told".into(), error_message: "to fail".into() }),
        "hang" => std::future::pending().await,
        "exit" => std::process::exit(3),
        "print" => {
            println!("out");
            eprintln!("err");
            Ok(Value::Null)
        }
        "wait" => {
            tokio::time::sleep(Duration::from_millis(300)).await;
            Ok(json!(process))
        }
        "large" => Ok(json!("x".repeat(7_000_000))),
        // Fails until the file that is named exists, and makes it.
        "recover" => match std::fs::File::create_new(payload["file"].as_str().unwrap_or_default()) {
            Ok(_) => Err(Diagnostic { error_type: "Told".into(), error_message: "once".into() }),
            Err(_) => Ok(json!("recovered")),
        },
        _ => Ok(json!({
            "event": payload,
            "process": process,
            "request_id": context.request_id,
            "deadline_ms": context.deadline,
            "arn": context.invoked_function_arn,
            "trace_id": context.xray_trace_id,
            "environment": std::env::vars().collect::<std::collections::BTreeMap<_, _>>(),
        })),
    }
}
