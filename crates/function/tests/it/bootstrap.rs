//! Configures the `bootstrap` binary like a Lambda function.

use std::collections::BTreeMap;
use std::time::Duration;

use emulator::{Extensions, Function};

/// Returns a function with these environment variables. At most one execution environment of the function runs at a
/// time.
pub(crate) fn function(environment: BTreeMap<String, String>) -> Function {
    Function {
        name: "avif".into(),
        program: env!("CARGO_BIN_EXE_bootstrap").into(),
        environment,
        memory: 2048,
        timeout: Duration::from_mins(1),
        concurrency: 1,
        retry_delays: [Duration::ZERO; 2],
        extensions: Extensions::default(),
    }
}
