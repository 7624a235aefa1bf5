//! OpenTelemetry backends, as the specification's own variables describe them ("OpenTelemetry Protocol Exporter",
//! "Environment Variable Specification").

use std::collections::BTreeMap;
use std::num::NonZeroU64;
use std::time::Duration;

use environment::Reader;
use hyper::Uri;
use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use percent_encoding::percent_decode_str;

/// Where each signal goes, one of them at least.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Otlp {
    /// Metrics.
    pub metrics: Option<Target>,
    /// Spans.
    pub traces: Option<Target>,
    /// Log lines.
    pub logs: Option<Target>,
    /// What is told of the function besides, or instead of what is known of it by itself.
    pub attributes: BTreeMap<String, String>,
}

/// Where one signal goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// With the path: `/v1/traces` and the like.
    pub address: Uri,
    /// What goes along with every request.
    pub headers: HeaderMap,
    /// How long one request may take.
    pub timeout: Duration,
    /// Whether requests are compressed.
    pub gzip: bool,
}

impl Otlp {
    pub(super) fn read(reader: &mut Reader<'_>) -> Option<Self> {
        if reader.flag_or("OTEL_SDK_DISABLED", false) {
            return None;
        }
        let [metrics, traces, logs] = ["METRICS", "TRACES", "LOGS"].map(|signal| target(reader, signal));
        let attributes = attributes(reader);
        let any = metrics.is_some() || traces.is_some() || logs.is_some();
        any.then_some(Self { metrics, traces, logs, attributes })
    }
}

fn target(reader: &mut Reader<'_>, signal: &str) -> Option<Target> {
    let wanted = is_wanted(reader, signal);
    let address = address(reader, signal)?;
    setting(reader, signal, "PROTOCOL", protocol);
    // Whether wanted or not, mistakes are found.
    wanted.then_some(Target {
        address,
        headers: setting(reader, signal, "HEADERS", headers).unwrap_or_default(),
        timeout: setting(reader, signal, "TIMEOUT", timeout).unwrap_or(Duration::from_secs(10)),
        gzip: setting(reader, signal, "COMPRESSION", gzip).unwrap_or(false),
    })
}

/// Of the exporters that the variable may list, ours is `otlp`.
fn is_wanted(reader: &mut Reader<'_>, signal: &str) -> bool {
    let name = format!("OTEL_{signal}_EXPORTER");
    let Some(text) = reader.text(&name) else { return true };
    let exporters: Vec<&str> = text.split(',').map(str::trim).collect();
    if !exporters.iter().all(|exporter| ["otlp", "none"].contains(exporter)) {
        reader.add_error(&name, format!("{text}: it is otlp or none"));
        return true;
    }
    exporters.contains(&"otlp")
}

/// An address of the signal's own is taken as it is.
fn address(reader: &mut Reader<'_>, signal: &str) -> Option<Uri> {
    let own = format!("OTEL_EXPORTER_OTLP_{signal}_ENDPOINT");
    if let Some(text) = reader.text(&own) {
        return uri(reader, &own, text, "");
    }
    let all = "OTEL_EXPORTER_OTLP_ENDPOINT";
    let base = reader.text(all)?;
    uri(reader, all, base.trim_end_matches('/'), &format!("/v1/{}", signal.to_ascii_lowercase()))
}

fn uri(reader: &mut Reader<'_>, name: &str, text: &str, path: &str) -> Option<Uri> {
    let uri: Option<Uri> = format!("{text}{path}").parse().ok();
    let uri = uri.filter(|uri| matches!(uri.scheme_str(), Some("http" | "https")));
    if uri.is_none() {
        reader.add_error(name, format!("{text} is no address that begins with http:// or https://"));
    }
    uri
}

fn attributes(reader: &mut Reader<'_>) -> BTreeMap<String, String> {
    let name = "OTEL_RESOURCE_ATTRIBUTES";
    let told = reader.text(name).map_or_else(|| Ok(vec![]), pairs);
    let told = told.map_err(|mistake| reader.add_error(name, mistake)).unwrap_or_default();
    let mut attributes: BTreeMap<_, _> = told.into_iter().collect();
    attributes.extend(reader.text("OTEL_SERVICE_NAME").map(|service| ("service.name".into(), service.into())));
    attributes
}

/// What is set for that signal alone, or else for all.
fn setting<T>(
    reader: &mut Reader<'_>,
    signal: &str,
    what: &str,
    parse: impl Fn(&str) -> Result<T, String>,
) -> Option<T> {
    let names = [format!("OTEL_EXPORTER_OTLP_{signal}_{what}"), format!("OTEL_EXPORTER_OTLP_{what}")];
    let (name, text) = names.into_iter().find_map(|name| reader.text(&name).map(|text| (name, text)))?;
    parse(text.trim()).map_err(|mistake| reader.add_error(&name, mistake)).ok()
}

fn protocol(text: &str) -> Result<(), String> {
    let remedy = "http/protobuf alone is spoken, which a backend takes at a port of its own, 4318 as a rule";
    if text == "http/protobuf" { Ok(()) } else { Err(format!("{text}: {remedy}")) }
}

/// At least a millisecond: with less, nothing would ever arrive.
fn timeout(text: &str) -> Result<Duration, String> {
    let milliseconds: NonZeroU64 = text.parse().map_err(|error| format!("{text} milliseconds: {error}"))?;
    Ok(Duration::from_millis(milliseconds.get()))
}

fn gzip(text: &str) -> Result<bool, String> {
    match text {
        "gzip" => Ok(true),
        "none" => Ok(false),
        _ => Err(format!("{text}: it is gzip or none")),
    }
}

fn headers(text: &str) -> Result<HeaderMap, String> {
    let mut headers = HeaderMap::new();
    for (name, value) in pairs(text)? {
        let parsed: HeaderName = name.parse().map_err(|_| format!("{name} is no header"))?;
        let mut value = HeaderValue::from_str(&value).map_err(|_| format!("{name} has no header's value"))?;
        value.set_sensitive(true);
        headers.insert(parsed, value);
    }
    Ok(headers)
}

/// `name=value` with commas between, percent-encoded. One that is none makes all of them doubtful, as the specification
/// has it.
fn pairs(text: &str) -> Result<Vec<(String, String)>, String> {
    let decoded = |part: &str| Some(percent_decode_str(part.trim()).decode_utf8().ok()?.into_owned());
    let pair = |pair: &str| {
        let (name, value) = pair.split_once('=')?;
        Some((decoded(name)?, decoded(value)?))
    };
    let all: Option<_> = text.split(',').filter(|part| !part.trim().is_empty()).map(pair).collect();
    // Not the text itself, which may be a key.
    all.ok_or_else(|| "a part is no NAME=VALUE".into())
}

#[cfg(test)]
mod tests {
    use super::super::tests::parse;
    use super::*;

    fn addresses(variables: &[(&str, &str)]) -> [Option<String>; 3] {
        let otlp = parse(variables).0.otlp;
        let of = |target: fn(&Otlp) -> &Option<Target>| Some(target(otlp.as_ref()?).as_ref()?.address.to_string());
        [of(|otlp| &otlp.metrics), of(|otlp| &otlp.traces), of(|otlp| &otlp.logs)]
    }

    #[test]
    fn a_backend_is_described_by_the_specifications_variables() {
        let (config, mistakes) = parse(&[
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
        assert_eq!([metrics.gzip, traces.gzip, logs.gzip], [false, true, false]);
        assert_eq!(traces.timeout, Duration::from_millis(500));
        let attributes =
            [("deployment.environment.name", "to,day"), ("service.name", "shop"), ("service.namespace", "n")];
        assert!(otlp.attributes.iter().map(|(name, value)| (name.as_str(), value.as_str())).eq(attributes));
        assert_eq!((config.namespace, mistakes), (None, vec![]));
    }

    #[test]
    fn a_base_address_has_a_path_added_and_a_signals_own_has_none() {
        let base = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://a:4318/otel/");
        let own = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "https://b/any/path?key=1");
        let paths = ["metrics", "traces", "logs"].map(|signal| Some(format!("http://a:4318/otel/v1/{signal}")));
        assert_eq!(addresses(&[base]), paths);
        let traces = Some("https://b/any/path?key=1".to_owned());
        assert_eq!(addresses(&[base, own]), [paths[0].clone(), traces.clone(), paths[2].clone()]);
        assert_eq!(addresses(&[own]), [None, traces, None], "nothing is guessed of the others");
    }

    #[test]
    fn a_signal_that_nobody_wants_goes_nowhere() {
        let base = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://a");
        let [metrics, _, logs] = addresses(&[base, ("OTEL_TRACES_EXPORTER", "none")]);
        assert_eq!(addresses(&[base, ("OTEL_TRACES_EXPORTER", "none")]), [metrics, None, logs]);
        assert_eq!(addresses(&[base, ("OTEL_LOGS_EXPORTER", "none, otlp")]), addresses(&[base]));
        let disabled = [base, ("OTEL_SDK_DISABLED", "True"), ("OTEL_SERVICE_NAME", "s")];
        assert_eq!((parse(&disabled).0.otlp, parse(&disabled).1), (None, vec![]));
    }

    #[test]
    fn each_mistake_is_named_once_and_a_default_taken() {
        let base = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://a");
        let (config, mistakes) = parse(&[
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
        assert_eq!((target.timeout, target.gzip, target.headers.len()), (Duration::from_secs(10), false, 0));
        assert_eq!((otlp.attributes.len(), mistakes.len()), (0, 6), "{mistakes:?}");
        let all = mistakes.join("\n");
        assert!(all.contains("OTLP_PROTOCOL: grpc: http/protobuf alone") && all.contains("4318"), "{all}");
        assert!(!all.contains("secret"), "{all}");

        for none in ["collector:4318", "http://", "grpc://collector:4317"] {
            let (config, mistakes) = parse(&[("OTEL_EXPORTER_OTLP_ENDPOINT", none)]);
            assert_eq!((config.otlp, mistakes.len()), (None, 1), "{mistakes:?}");
        }
    }
}
