//! The configuration of the extension, from environment variables. The function receives the same variables, so no
//! variable of the extension begins with the function's prefix `AVIF_`. docs/telemetry.md lists them; a test compares
//! the list.

use std::collections::{BTreeMap, BTreeSet};

use environment::Reader;

mod otlp;

pub use otlp::{OtlpSettings, OtlpTarget};

/// The configuration of the extension.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// The host and port of Lambda's APIs.
    pub runtime_api: String,
    /// Whether the environment runs on a managed instance: it handles several events at a time, is never frozen, and
    /// sends no INVOKE events to extensions.
    pub is_managed_instance: bool,
    /// The function that the extension runs with.
    pub function: Function,
    /// The CloudWatch namespace of the metrics on standard output; `None` if they are disabled.
    pub metric_namespace: Option<String>,
    /// The OpenTelemetry backends; `None` if there are none.
    pub otlp: Option<OtlpSettings>,
}

/// The function that the extension runs with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Function {
    /// The name of the function.
    pub name: String,
    /// The version of the function: a number, or `$LATEST`.
    pub version: String,
    /// The memory of the function in MiB; 0 if it is unknown.
    pub memory: u64,
    /// The region of the function.
    pub region: String,
}

impl Config {
    /// Reads the environment variables of this process. Also returns an error for each invalid variable. The extension
    /// then uses the default, so that an invalid variable does not stop the function.
    #[must_use]
    pub fn from_env() -> (Self, Vec<String>) {
        Self::parse(&environment::variables())
    }

    /// Reads the configuration from names and values. Also returns an error for each invalid variable.
    #[must_use]
    pub fn parse(environment: &BTreeMap<String, String>) -> (Self, Vec<String>) {
        let mut reader = Reader::new(environment);
        let config = Self::read(&mut reader);
        (config, reader.errors().to_vec())
    }

    /// The names of all variables that the extension reads.
    #[must_use]
    pub fn variable_names() -> BTreeSet<String> {
        // Set an endpoint, because most variables are read only if there is one.
        let environment = BTreeMap::from([("OTEL_EXPORTER_OTLP_ENDPOINT".to_owned(), "http://localhost".to_owned())]);
        let mut reader = Reader::new(&environment);
        Self::read(&mut reader);
        reader.names().iter().cloned().collect()
    }

    fn read(reader: &mut Reader<'_>) -> Self {
        let function = Function {
            name: reader.text("AWS_LAMBDA_FUNCTION_NAME").unwrap_or_default().to_owned(),
            version: reader.text("AWS_LAMBDA_FUNCTION_VERSION").unwrap_or_default().to_owned(),
            memory: reader.parsed_or("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", 0),
            region: reader.text("AWS_REGION").unwrap_or_default().to_owned(),
        };
        let namespace = reader.text("TELEMETRY_NAMESPACE").unwrap_or("avif-lambda").to_owned();
        let is_emf_enabled = reader.flag_or("TELEMETRY_EMF", true);
        Self {
            runtime_api: reader.text("AWS_LAMBDA_RUNTIME_API").unwrap_or_default().to_owned(),
            is_managed_instance: reader.text("AWS_LAMBDA_INITIALIZATION_TYPE") == Some("lambda-managed-instances"),
            metric_namespace: is_emf_enabled.then_some(namespace),
            otlp: OtlpSettings::read(reader),
            function,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) fn parse(variables: &[(&str, &str)]) -> (Config, Vec<String>) {
        Config::parse(&variables.iter().map(|&(name, value)| (name.into(), value.into())).collect())
    }

    #[test]
    fn by_default_metrics_go_to_standard_output_only() {
        let (config, errors) = parse(&[("AWS_LAMBDA_FUNCTION_NAME", "f"), ("OTEL_EXPORTER_OTLP_ENDPOINT", "")]);
        assert_eq!((config.metric_namespace.as_deref(), config.otlp), (Some("avif-lambda"), None));
        assert!(errors.is_empty());
    }

    #[test]
    fn invalid_variable_is_reported_and_its_default_used() {
        let (config, errors) = parse(&[("TELEMETRY_EMF", "maybe"), ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "much")]);
        assert_eq!((config.metric_namespace.is_some(), config.function.memory), (true, 0));
        assert_eq!(errors.len(), 2, "{errors:?}");
        assert!(errors[1].starts_with("TELEMETRY_EMF=maybe: "), "{errors:?}");
    }

    #[test]
    fn docs_list_exactly_the_variables_that_are_read() {
        // The test reads the file at run time, so that it also compiles in a build without the docs.
        let docs = std::fs::read_to_string("../../docs/telemetry.md").unwrap();
        let row = |line: &str| line.strip_prefix("| `")?.split_once('`').map(|(name, _)| name.to_owned());
        let is_variable = |name: &String| ["AWS_", "OTEL_", "TELEMETRY_"].iter().any(|prefix| name.starts_with(prefix));
        let listed: BTreeSet<String> = docs.lines().filter_map(row).filter(is_variable).collect();
        // The docs list the variables for all signals, and explain how to name one for a single signal.
        let for_all_signals = |name: String| {
            let signals = ["_METRICS_", "_TRACES_", "_LOGS_"].map(|signal| format!("OTEL_EXPORTER_OTLP{signal}"));
            let suffix = signals.iter().find_map(|prefix| name.strip_prefix(prefix.as_str()));
            suffix.map_or(name.clone(), |suffix| format!("OTEL_EXPORTER_OTLP_{suffix}"))
        };
        assert_eq!(listed, Config::variable_names().into_iter().map(for_all_signals).collect());
    }
}
