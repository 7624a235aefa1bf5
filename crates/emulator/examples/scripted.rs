//! A Lambda function for tests. The field `do` of an event selects what the function does. It uses the Runtime API
//! through the crate `lambda_runtime`.

use std::time::Duration;

use lambda_runtime::{Diagnostic, LambdaEvent, service_fn};
use serde_json::{Value, json};

#[tokio::main]
#[expect(clippy::disallowed_methods, reason = "a test configures this before the first event")]
async fn main() -> Result<(), lambda_runtime::Error> {
    if std::env::var_os("DO").is_some_and(|action| action == "exit") {
        std::process::exit(1);
    }
    lambda_runtime::run(service_fn(handle)).await
}

#[expect(clippy::disallowed_methods, reason = "a test reads the environment from the response")]
async fn handle(event: LambdaEvent<Value>) -> Result<Value, Diagnostic> {
    let LambdaEvent { payload, context } = event;
    let process = std::process::id();
    match payload["do"].as_str().unwrap_or_default() {
        "fail" => {
            Err(Diagnostic { error_type: "RequestedError".into(), error_message: "the event requested it".into() })
        }
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
        // Fails if it can create the file, so that only the first attempt fails.
        "recover" => match std::fs::File::create_new(payload["file"].as_str().unwrap_or_default()) {
            Ok(_) => {
                Err(Diagnostic { error_type: "RequestedError".into(), error_message: "the first attempt fails".into() })
            }
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
