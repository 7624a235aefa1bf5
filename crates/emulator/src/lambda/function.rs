//! The configuration of a function.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use super::telemetry::TelemetryApi;

/// The region in ARNs and in the function's environment variables.
pub(super) const REGION: &str = "us-east-1";

/// A function's configuration.
#[derive(Debug, Clone)]
pub struct Function {
    /// The name of the function.
    pub name: String,
    /// The program that Lambda would start: `bootstrap`.
    pub program: PathBuf,
    /// The function's own environment variables. The function inherits no variable from this process.
    pub environment: BTreeMap<String, String>,
    /// The memory in MiB. The function and the log receive this value, but the emulator does not limit the memory.
    pub memory: u32,
    /// The maximum duration of an invocation.
    pub timeout: Duration,
    /// The maximum number of concurrent execution environments; at least 1.
    pub concurrency: usize,
    /// The delays before the first and the second retry of an asynchronous invocation. Lambda waits 1 and 2 minutes
    /// (AWS Lambda developer guide, "How Lambda handles errors and retries with asynchronous invocation").
    pub retry_delays: [Duration; 2],
    /// The extensions that run in each execution environment.
    pub extensions: Extensions,
}

/// The extensions of a function, and the Telemetry API that they use.
#[derive(Debug, Clone)]
pub struct Extensions {
    /// The programs that Lambda would find in `/opt/extensions`. Their file names must differ.
    pub programs: Vec<PathBuf>,
    /// The schema versions that the Telemetry API accepts.
    pub telemetry_schemas: Vec<&'static str>,
    /// How the Telemetry API handles subscriptions.
    pub telemetry_api: TelemetryApi,
}

impl Default for Extensions {
    /// Returns no extensions, and a Telemetry API with every schema version that AWS has published.
    fn default() -> Self {
        let telemetry_schemas = vec!["2022-07-01", "2022-12-13", "2025-01-29"];
        Self { programs: vec![], telemetry_schemas, telemetry_api: TelemetryApi::Delivers }
    }
}
