//! The extension's settings, read from the environment once. It shares that with the function, so that none of its own
//! begins as the function's do. docs/telemetry.md lists them; a test holds the two together.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

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
    /// The OpenTelemetry backend.
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

/// An OpenTelemetry backend, as the specification's own variables describe it ("OpenTelemetry Protocol Exporter").
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Otlp {
    /// Base address; `/v1/traces` and the like are put behind it.
    pub endpoint: String,
    /// What goes along with every request.
    pub headers: Vec<(String, String)>,
    /// How long one request may take.
    pub timeout: Duration,
    /// What the service is called; the function's name unless told.
    pub service: String,
}

impl Config {
    /// Reads the process's environment. The second are the mistakes in it, for each of which a default is taken: a
    /// mistake here must not keep the function from its work.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "this is the one place of this program that reads the environment")]
    pub fn from_env() -> (Self, Vec<String>) {
        let text = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
            Some((name.into_string().ok()?, value.to_string_lossy().into_owned()))
        };
        Self::parse(&std::env::vars_os().filter_map(text).collect())
    }

    /// Reads settings from names and values; the second are the mistakes in them.
    #[must_use]
    pub fn parse(environment: &BTreeMap<String, String>) -> (Self, Vec<String>) {
        let mut reader = Reader { environment, asked: vec![], mistakes: vec![] };
        let config = reader.config();
        (config, reader.mistakes)
    }

    /// The names of every variable that is read.
    #[must_use]
    pub fn names() -> Vec<&'static str> {
        let environment = BTreeMap::from([("OTEL_EXPORTER_OTLP_ENDPOINT".to_owned(), "http://localhost".to_owned())]);
        let mut reader = Reader { environment: &environment, asked: vec![], mistakes: vec![] };
        reader.config();
        reader.asked
    }
}

struct Reader<'environment> {
    environment: &'environment BTreeMap<String, String>,
    asked: Vec<&'static str>,
    mistakes: Vec<String>,
}

impl Reader<'_> {
    fn config(&mut self) -> Config {
        let function = Function {
            name: self.text("AWS_LAMBDA_FUNCTION_NAME").unwrap_or_default(),
            version: self.text("AWS_LAMBDA_FUNCTION_VERSION").unwrap_or_default(),
            memory: self.read_or("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", 0),
            region: self.text("AWS_REGION").unwrap_or_default(),
        };
        let namespace = self.text("TELEMETRY_NAMESPACE").unwrap_or_else(|| "avif-lambda".into());
        let emf = self.read_or("TELEMETRY_EMF", true);
        Config {
            api: self.text("AWS_LAMBDA_RUNTIME_API").unwrap_or_default(),
            managed: self.text("AWS_LAMBDA_INITIALIZATION_TYPE").is_some_and(|kind| kind == "lambda-managed-instances"),
            namespace: emf.then_some(namespace),
            file: self.text("TELEMETRY_FILE").map(PathBuf::from),
            otlp: self.otlp(&function.name),
            function,
        }
    }

    fn otlp(&mut self, function: &str) -> Option<Otlp> {
        let endpoint = self.text("OTEL_EXPORTER_OTLP_ENDPOINT")?;
        let headers = self.text("OTEL_EXPORTER_OTLP_HEADERS").unwrap_or_default();
        let timeout = Duration::from_millis(self.read_or("OTEL_EXPORTER_OTLP_TIMEOUT", 10_000));
        let service = self.text("OTEL_SERVICE_NAME").unwrap_or_else(|| function.into());
        let headers = headers.split(',').filter(|pair| !pair.trim().is_empty());
        let headers = headers.filter_map(|pair| self.header(pair)).collect();
        if !endpoint.starts_with("http://") && !endpoint.starts_with("https://") {
            self.mistakes
                .push(format!("OTEL_EXPORTER_OTLP_ENDPOINT={endpoint}: it begins with neither http:// nor https://"));
            return None;
        }
        Some(Otlp { endpoint: endpoint.trim_end_matches('/').into(), headers, timeout, service })
    }

    /// One `name=value`, whose value is percent-encoded.
    fn header(&mut self, pair: &str) -> Option<(String, String)> {
        let header = pair.split_once('=').map(|(name, value)| {
            let value = percent_encoding::percent_decode_str(value.trim()).decode_utf8_lossy().into_owned();
            (name.trim().to_lowercase(), value)
        });
        if header.is_none() {
            // Not the text itself, which may be a key.
            self.mistakes.push("OTEL_EXPORTER_OTLP_HEADERS: a part is no NAME=VALUE".into());
        }
        header
    }

    /// An empty variable is taken as unset, since deployment tools write both alike.
    fn text(&mut self, name: &'static str) -> Option<String> {
        self.asked.push(name);
        self.environment.get(name).filter(|value| !value.is_empty()).cloned()
    }

    fn read_or<T: FromStr<Err: ToString>>(&mut self, name: &'static str, default: T) -> T {
        let Some(text) = self.text(name) else { return default };
        text.parse().unwrap_or_else(|error: T::Err| {
            self.mistakes.push(format!("{name}={text}: {}", error.to_string()));
            default
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(variables: &[(&str, &str)]) -> (Config, Vec<String>) {
        Config::parse(&variables.iter().map(|&(name, value)| (name.into(), value.into())).collect())
    }

    #[test]
    fn without_settings_metrics_go_to_standard_output_and_nowhere_else() {
        let (config, mistakes) = parse(&[("AWS_LAMBDA_FUNCTION_NAME", "f"), ("OTEL_EXPORTER_OTLP_ENDPOINT", "")]);
        assert_eq!((config.namespace.as_deref(), config.file, config.otlp), (Some("avif-lambda"), None, None));
        assert!(mistakes.is_empty());
    }

    #[test]
    fn a_backend_is_described_by_the_specifications_variables() {
        let (config, mistakes) = parse(&[
            ("AWS_LAMBDA_FUNCTION_NAME", "f"),
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "https://otel.example/"),
            ("OTEL_EXPORTER_OTLP_HEADERS", "Authorization=Basic%20YQ==, x-team=a"),
            ("OTEL_EXPORTER_OTLP_TIMEOUT", "500"),
            ("TELEMETRY_EMF", "false"),
        ]);
        let otlp = config.otlp.unwrap();
        let headers = [("authorization".into(), "Basic YQ==".into()), ("x-team".into(), "a".into())];
        assert_eq!((otlp.endpoint.as_str(), otlp.headers), ("https://otel.example", headers.to_vec()));
        assert_eq!((otlp.timeout, otlp.service.as_str()), (Duration::from_millis(500), "f"));
        assert_eq!((config.namespace, mistakes), (None, vec![]));
    }

    #[test]
    fn a_mistake_is_named_and_a_default_taken() {
        let (config, mistakes) =
            parse(&[("TELEMETRY_EMF", "maybe"), ("OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4318")]);
        assert!(config.namespace.is_some() && config.otlp.is_none());
        assert_eq!(mistakes.len(), 2, "{mistakes:?}");
    }

    #[test]
    fn the_docs_list_every_setting_and_no_other() {
        // Read when the test runs, so that a build without the docs has the test and can leave it out.
        let docs = std::fs::read_to_string("../../docs/telemetry.md").unwrap().leak();
        let row = |line: &'static str| line.strip_prefix("| `")?.split_once('`').map(|(name, _)| name);
        let ours = |name: &&str| ["AWS_", "OTEL_", "TELEMETRY_"].iter().any(|start| name.starts_with(start));
        let mut listed: Vec<&str> = docs.lines().filter_map(row).filter(ours).collect();
        let mut read = Config::names();
        listed.sort_unstable();
        read.sort_unstable();
        assert_eq!(listed, read);
    }
}
