use std::collections::BTreeMap;

use emulator::Lambda;
use serde_json::json;
use tokio::sync::mpsc::unbounded_channel;

use crate::bootstrap::function;

#[tokio::test]
async fn every_mistake_in_the_settings_is_named_before_the_first_event() {
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
async fn who_starts_it_by_hand_is_told_what_to_do_instead() {
    let mut program = tokio::process::Command::new(env!("CARGO_BIN_EXE_bootstrap"));
    let ended = program.env_clear().output().await.unwrap();
    let said = String::from_utf8(ended.stderr).unwrap();
    assert_eq!(ended.status.code(), Some(1));
    assert!(said.contains("AWS_LAMBDA_RUNTIME_API") && said.contains("avif local"), "{said}");
}
