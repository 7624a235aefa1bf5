//! Tests the start of `bootstrap` with invalid settings and the start outside Lambda.

use std::collections::BTreeMap;

use emulator::Lambda;
use serde_json::json;
use tokio::sync::mpsc::unbounded_channel;

use crate::bootstrap::function;

#[tokio::test]
async fn all_invalid_settings_are_reported_during_init() {
    let settings = [("AVIF_QUALITY", "high"), ("AVIF_SPEED", "11"), ("AVIF_WIDTH", "640")];
    let environment: BTreeMap<_, _> = settings.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    let (lines, mut log) = unbounded_channel();
    let lambda = Lambda::new(function(environment), lines);
    let error = lambda.invoke(json!({})).await.result.unwrap_err();
    assert_eq!(error.error_type, "Runtime.ExitError");
    let log = std::iter::from_fn(|| log.try_recv().ok()).collect::<Vec<_>>().join("\n");
    assert!(log.contains("3 invalid environment variables"), "{log}");
    for (name, _) in settings {
        assert!(log.contains(name), "{name}: {log}");
    }
}

#[tokio::test]
async fn start_outside_lambda_fails_and_the_error_contains_instructions() {
    let mut program = tokio::process::Command::new(env!("CARGO_BIN_EXE_bootstrap"));
    let output = program.env_clear().output().await.unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr.contains("AWS_LAMBDA_RUNTIME_API") && stderr.contains("avif local"), "{stderr}");
}
