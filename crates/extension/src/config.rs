//! The extension's settings, read from the environment once. It shares that with the function, so that none of its own
//! begins as the function's do. docs/telemetry.md lists them; a test holds the two together.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use environment::Reader;

mod otlp;

pub use otlp::{Otlp, Target};

/// Everything the extension is told by its environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Host and port of Lambda's APIs.
    pub api: String,
    /// Whether the environment takes several events at a time, on an instance that Lambda manages: it is never frozen, and
    /// tells extensions of none.
    pub managed: bool,
    /// The function beside which it runs.
    pub function: Function,
    /// The CloudWatch namespace of the metrics on standard output; none where they are not wanted.
    pub namespace: Option<String>,
    /// Where all records go unread, one JSON object a line.
    pub file: Option<PathBuf>,
    /// The OpenTelemetry backends.
    pub otlp: Option<Otlp>,
}

/// The function beside which the extension runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Function {
    /// Its name.
    pub name: String,
    /// Its version: a number, or `$LATEST`.
    pub version: String,
    /// Its memory in MiB; 0 where nobody tells.
    pub memory: u64,
    /// The region that it runs in.
    pub region: String,
}

impl Config {
    /// Reads the process's environment. The second are the mistakes in it, for each of which a default is taken: a
    /// mistake here must not keep the function from its work.
    #[must_use]
    pub fn from_env() -> (Self, Vec<String>) {
        Self::parse(&environment::variables())
    }

    /// Reads settings from names and values; the second are the mistakes in them.
    #[must_use]
    pub fn parse(environment: &BTreeMap<String, String>) -> (Self, Vec<String>) {
        let mut reader = Reader::new(environment);
        let config = Self::read(&mut reader);
        (config, reader.errors().to_vec())
    }

    /// The names of every variable that is read.
    #[must_use]
    pub fn names() -> BTreeSet<String> {
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
        let emf = reader.flag_or("TELEMETRY_EMF", true);
        Self {
            api: reader.text("AWS_LAMBDA_RUNTIME_API").unwrap_or_default().to_owned(),
            managed: reader.text("AWS_LAMBDA_INITIALIZATION_TYPE") == Some("lambda-managed-instances"),
            namespace: emf.then_some(namespace),
            file: reader.text("TELEMETRY_FILE").map(PathBuf::from),
            otlp: Otlp::read(reader),
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
    fn without_settings_metrics_go_to_standard_output_and_nowhere_else() {
        let (config, mistakes) = parse(&[("AWS_LAMBDA_FUNCTION_NAME", "f"), ("OTEL_EXPORTER_OTLP_ENDPOINT", "")]);
        assert_eq!((config.namespace.as_deref(), config.file, config.otlp), (Some("avif-lambda"), None, None));
        assert!(mistakes.is_empty());
    }

    #[test]
    fn a_mistake_is_named_and_a_default_taken() {
        let (config, mistakes) = parse(&[("TELEMETRY_EMF", "maybe"), ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "much")]);
        assert_eq!((config.namespace.is_some(), config.function.memory), (true, 0));
        assert_eq!(mistakes.len(), 2, "{mistakes:?}");
        assert!(mistakes[1].starts_with("TELEMETRY_EMF=maybe: "), "{mistakes:?}");
    }

    #[test]
    fn the_docs_list_every_setting_and_no_other() {
        // Read when the test runs, so that a build without the docs has the test and can leave it out.
        let docs = std::fs::read_to_string("../../docs/telemetry.md").unwrap();
        let row = |line: &str| line.strip_prefix("| `")?.split_once('`').map(|(name, _)| name.to_owned());
        let ours = |name: &String| ["AWS_", "OTEL_", "TELEMETRY_"].iter().any(|start| name.starts_with(start));
        let listed: BTreeSet<String> = docs.lines().filter_map(row).filter(ours).collect();
        // Once for all signals, and the docs say how each has its own.
        let shared = |name: String| {
            let signals = ["_METRICS_", "_TRACES_", "_LOGS_"].map(|signal| format!("OTEL_EXPORTER_OTLP{signal}"));
            let own = signals.iter().find_map(|start| name.strip_prefix(start.as_str()));
            own.map_or(name.clone(), |what| format!("OTEL_EXPORTER_OTLP_{what}"))
        };
        assert_eq!(listed, Config::names().into_iter().map(shared).collect());
    }
}
