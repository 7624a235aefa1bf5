//! Reads the OpenTelemetry backends from the environment variables of the specification ("OpenTelemetry Protocol
//! Exporter", "Environment Variable Specification").

use std::collections::BTreeMap;
use std::num::NonZeroU64;
use std::time::Duration;

use environment::Reader;
use hyper::Uri;
use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use percent_encoding::percent_decode_str;

/// The backend of each signal. At least one signal has a backend.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OtlpSettings {
    /// The backend for metrics.
    pub metrics: Option<OtlpTarget>,
    /// The backend for spans.
    pub traces: Option<OtlpTarget>,
    /// The backend for log lines.
    pub logs: Option<OtlpTarget>,
    /// Additional resource attributes. They override detected attributes with the same name.
    pub attributes: BTreeMap<String, String>,
}

/// The backend of one signal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OtlpTarget {
    /// The complete URL, for example with the path `/v1/traces`.
    pub url: Uri,
    /// The additional headers of each request.
    pub headers: HeaderMap,
    /// The timeout of one request.
    pub timeout: Duration,
    /// Whether requests are compressed with gzip.
    pub is_gzip: bool,
}

impl OtlpSettings {
    pub(super) fn read(reader: &mut Reader<'_>) -> Option<Self> {
        if reader.flag_or("OTEL_SDK_DISABLED", false) {
            return None;
        }
        let [metrics, traces, logs] = ["METRICS", "TRACES", "LOGS"].map(|signal| read_target(reader, signal));
        let attributes = read_attributes(reader);
        let has_target = metrics.is_some() || traces.is_some() || logs.is_some();
        has_target.then_some(Self { metrics, traces, logs, attributes })
    }
}

fn read_target(reader: &mut Reader<'_>, signal: &str) -> Option<OtlpTarget> {
    let is_enabled = is_exporter_enabled(reader, signal);
    let url = read_url(reader, signal)?;
    read_setting(reader, signal, "PROTOCOL", check_protocol);
    // Read the settings of a disabled signal too, so that invalid ones are reported.
    let target = OtlpTarget {
        url,
        headers: read_setting(reader, signal, "HEADERS", parse_headers).unwrap_or_default(),
        timeout: read_setting(reader, signal, "TIMEOUT", parse_timeout).unwrap_or(Duration::from_secs(10)),
        is_gzip: read_setting(reader, signal, "COMPRESSION", parse_compression).unwrap_or(false),
    };
    is_enabled.then_some(target)
}

/// Whether the list of exporters contains `otlp`, which is the default.
fn is_exporter_enabled(reader: &mut Reader<'_>, signal: &str) -> bool {
    let name = format!("OTEL_{signal}_EXPORTER");
    let Some(text) = reader.text(&name) else { return true };
    let exporters: Vec<&str> = text.split(',').map(str::trim).collect();
    if !exporters.iter().all(|exporter| ["otlp", "none"].contains(exporter)) {
        reader.add_error(&name, format!("{text}: expected otlp or none"));
        return true;
    }
    exporters.contains(&"otlp")
}

/// Reads the URL for this signal and uses it unchanged. If it is unset, reads the URL for all signals and appends the
/// signal's path.
fn read_url(reader: &mut Reader<'_>, signal: &str) -> Option<Uri> {
    let name_for_signal = format!("OTEL_EXPORTER_OTLP_{signal}_ENDPOINT");
    if let Some(text) = reader.text(&name_for_signal) {
        return parse_url(reader, &name_for_signal, text, "");
    }
    let name = "OTEL_EXPORTER_OTLP_ENDPOINT";
    let base = reader.text(name)?;
    parse_url(reader, name, base.trim_end_matches('/'), &format!("/v1/{}", signal.to_ascii_lowercase()))
}

fn parse_url(reader: &mut Reader<'_>, name: &str, text: &str, path: &str) -> Option<Uri> {
    let url: Option<Uri> = format!("{text}{path}").parse().ok();
    let url = url.filter(|url| matches!(url.scheme_str(), Some("http" | "https")));
    if url.is_none() {
        reader.add_error(name, format!("{text}: expected a URL that begins with http:// or https://"));
    }
    url
}

fn read_attributes(reader: &mut Reader<'_>) -> BTreeMap<String, String> {
    let name = "OTEL_RESOURCE_ATTRIBUTES";
    let pairs = reader.text(name).map_or_else(|| Ok(vec![]), parse_pairs);
    let pairs = pairs.map_err(|error| reader.add_error(name, error)).unwrap_or_default();
    let mut attributes: BTreeMap<_, _> = pairs.into_iter().collect();
    attributes.extend(reader.text("OTEL_SERVICE_NAME").map(|service| ("service.name".into(), service.into())));
    attributes
}

/// Reads the variable for this signal. If it is unset, reads the variable for all signals.
fn read_setting<T>(
    reader: &mut Reader<'_>,
    signal: &str,
    suffix: &str,
    parse: impl Fn(&str) -> Result<T, String>,
) -> Option<T> {
    let names = [format!("OTEL_EXPORTER_OTLP_{signal}_{suffix}"), format!("OTEL_EXPORTER_OTLP_{suffix}")];
    let (name, text) = names.into_iter().find_map(|name| reader.text(&name).map(|text| (name, text)))?;
    parse(text.trim()).map_err(|error| reader.add_error(&name, error)).ok()
}

fn check_protocol(text: &str) -> Result<(), String> {
    if text == "http/protobuf" {
        return Ok(());
    }
    Err(format!(
        "{text}: expected http/protobuf, the only supported protocol. Backends usually receive it on port 4318"
    ))
}

/// Parses a timeout of at least one millisecond: with 0, every request would time out.
fn parse_timeout(text: &str) -> Result<Duration, String> {
    let milliseconds: NonZeroU64 = text.parse().map_err(|error| format!("{text} milliseconds: {error}"))?;
    Ok(Duration::from_millis(milliseconds.get()))
}

fn parse_compression(text: &str) -> Result<bool, String> {
    match text {
        "gzip" => Ok(true),
        "none" => Ok(false),
        _ => Err(format!("{text}: expected gzip or none")),
    }
}

fn parse_headers(text: &str) -> Result<HeaderMap, String> {
    let mut headers = HeaderMap::new();
    for (name, value) in parse_pairs(text)? {
        let parsed: HeaderName = name.parse().map_err(|_| format!("{name} is not a valid header name"))?;
        let mut value = HeaderValue::from_str(&value).map_err(|_| format!("the value of header {name} is invalid"))?;
        value.set_sensitive(true);
        headers.insert(parsed, value);
    }
    Ok(headers)
}

/// Parses `NAME=VALUE` pairs, separated by commas and percent-encoded. One invalid pair makes the whole variable
/// invalid, as the specification requires.
fn parse_pairs(text: &str) -> Result<Vec<(String, String)>, String> {
    let decode = |part: &str| Some(percent_decode_str(part.trim()).decode_utf8().ok()?.into_owned());
    let parse_pair = |pair: &str| {
        let (name, value) = pair.split_once('=')?;
        Some((decode(name)?, decode(value)?))
    };
    let pairs: Option<_> = text.split(',').filter(|part| !part.trim().is_empty()).map(parse_pair).collect();
    // The error does not contain the text, which may be a secret.
    pairs.ok_or_else(|| "expected NAME=VALUE pairs separated by commas".into())
}

#[cfg(test)]
mod tests {
    use super::super::tests::parse;
    use super::*;

    fn urls(variables: &[(&str, &str)]) -> [Option<String>; 3] {
        let otlp = parse(variables).0.otlp;
        let url =
            |target: fn(&OtlpSettings) -> &Option<OtlpTarget>| Some(target(otlp.as_ref()?).as_ref()?.url.to_string());
        [url(|otlp| &otlp.metrics), url(|otlp| &otlp.traces), url(|otlp| &otlp.logs)]
    }

    #[test]
    fn variables_of_the_specification_configure_the_backends() {
        let (config, errors) = parse(&[
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "https://otel.example/"),
            ("OTEL_EXPORTER_OTLP_HEADERS", "Authorization=Basic%20YQ==, x-team=a"),
            ("OTEL_EXPORTER_OTLP_LOGS_HEADERS", "x-team=b"),
            ("OTEL_EXPORTER_OTLP_TIMEOUT", "500"),
            ("OTEL_EXPORTER_OTLP_COMPRESSION", "none"),
            ("OTEL_EXPORTER_OTLP_TRACES_COMPRESSION", "gzip"),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf"),
            ("OTEL_RESOURCE_ATTRIBUTES", "service.name=a,deployment.environment.name=to%2Cday, service.namespace = n"),
            ("OTEL_SERVICE_NAME", "shop"),
            ("TELEMETRY_EMF", "FALSE"),
        ]);
        let otlp = config.otlp.unwrap();
        let (metrics, traces, logs) = (otlp.metrics.unwrap(), otlp.traces.unwrap(), otlp.logs.unwrap());
        assert_eq!([&metrics.headers["authorization"], &metrics.headers["x-team"]], ["Basic YQ==", "a"]);
        assert_eq!((logs.headers.len(), &logs.headers["x-team"]), (1, &HeaderValue::from_static("b")));
        assert_eq!([metrics.is_gzip, traces.is_gzip, logs.is_gzip], [false, true, false]);
        assert_eq!(traces.timeout, Duration::from_millis(500));
        let attributes =
            [("deployment.environment.name", "to,day"), ("service.name", "shop"), ("service.namespace", "n")];
        assert!(otlp.attributes.iter().map(|(name, value)| (name.as_str(), value.as_str())).eq(attributes));
        assert_eq!((config.metric_namespace, errors), (None, vec![]));
    }

    #[test]
    fn path_is_appended_only_to_the_endpoint_for_all_signals() {
        let base = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://a:4318/otel/");
        let traces_endpoint = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "https://b/any/path?key=1");
        let paths = ["metrics", "traces", "logs"].map(|signal| Some(format!("http://a:4318/otel/v1/{signal}")));
        assert_eq!(urls(&[base]), paths);
        let traces = Some("https://b/any/path?key=1".to_owned());
        assert_eq!(urls(&[base, traces_endpoint]), [paths[0].clone(), traces.clone(), paths[2].clone()]);
        assert_eq!(urls(&[traces_endpoint]), [None, traces, None], "the other signals have no endpoint");
    }

    #[test]
    fn disabled_signal_has_no_target() {
        let base = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://a");
        let [metrics, _, logs] = urls(&[base, ("OTEL_TRACES_EXPORTER", "none")]);
        assert_eq!(urls(&[base, ("OTEL_TRACES_EXPORTER", "none")]), [metrics, None, logs]);
        assert_eq!(urls(&[base, ("OTEL_LOGS_EXPORTER", "none, otlp")]), urls(&[base]));
        let disabled = [base, ("OTEL_SDK_DISABLED", "True"), ("OTEL_SERVICE_NAME", "s")];
        assert_eq!((parse(&disabled).0.otlp, parse(&disabled).1), (None, vec![]));
    }

    #[test]
    fn invalid_variables_are_reported_once_and_their_defaults_used() {
        let base = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://a");
        let (config, errors) = parse(&[
            base,
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
            ("OTEL_EXPORTER_OTLP_TIMEOUT", "0"),
            ("OTEL_EXPORTER_OTLP_COMPRESSION", "zstd"),
            ("OTEL_EXPORTER_OTLP_HEADERS", "a=1,secret"),
            ("OTEL_RESOURCE_ATTRIBUTES", "a"),
            ("OTEL_METRICS_EXPORTER", "prometheus"),
        ]);
        let otlp = config.otlp.unwrap();
        let target = otlp.metrics.unwrap();
        assert_eq!((target.timeout, target.is_gzip, target.headers.len()), (Duration::from_secs(10), false, 0));
        assert_eq!((otlp.attributes.len(), errors.len()), (0, 6), "{errors:?}");
        let all = errors.join("\n");
        assert!(all.contains("OTLP_PROTOCOL: grpc: expected http/protobuf") && all.contains("4318"), "{all}");
        assert!(!all.contains("secret"), "{all}");

        for invalid in ["collector:4318", "http://", "grpc://collector:4317"] {
            let (config, errors) = parse(&[("OTEL_EXPORTER_OTLP_ENDPOINT", invalid)]);
            assert_eq!((config.otlp, errors.len()), (None, 1), "{errors:?}");
        }
    }
}
