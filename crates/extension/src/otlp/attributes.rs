//! The attributes of signals, and the resource that describes the function.

use std::collections::BTreeMap;

use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::common::v1::{AnyValue, ArrayValue, InstrumentationScope, KeyValue, KeyValueList};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_semantic_conventions::attribute as standard;
use serde_json::Value;

use crate::config::Function;

/// The schema URL of the semantic conventions from which the names come.
pub(super) const SCHEMA_URL: &str = opentelemetry_semantic_conventions::SCHEMA_URL;

/// Describes the function with the names of the semantic conventions. `instance` identifies the environment.
/// `configured` attributes override detected ones.
#[must_use]
pub fn resource(
    function: &Function,
    configured: &BTreeMap<String, String>,
    account: Option<&str>,
    instance: &str,
) -> Resource {
    let Function { name, version, memory, region } = function;
    let mut attributes = vec![
        string_attribute(standard::SERVICE_NAME, name),
        string_attribute(standard::CLOUD_PROVIDER, "aws"),
        string_attribute(standard::CLOUD_PLATFORM, "aws_lambda"),
        string_attribute(standard::CLOUD_REGION, region),
        string_attribute(standard::FAAS_NAME, name),
        string_attribute(standard::FAAS_VERSION, version),
        string_attribute(standard::FAAS_INSTANCE, instance),
    ];
    if *memory > 0 {
        attributes
            .push(attribute(standard::FAAS_MAX_MEMORY, Any::IntValue(i64::try_from(memory << 20).unwrap_or(i64::MAX))));
    }
    if let Some(account) = account {
        attributes.push(string_attribute(standard::CLOUD_ACCOUNT_ID, account));
        let arn = format!("arn:aws:lambda:{region}:{account}:function:{name}");
        attributes.push(string_attribute(standard::CLOUD_RESOURCE_ID, &arn));
    }
    attributes.retain(|detected| !configured.contains_key(&detected.key));
    attributes.extend(configured.iter().map(|(name, value)| string_attribute(name, value)));
    Resource { attributes, ..Resource::default() }
}

/// The instrumentation scope: this program and its version.
pub(super) fn scope() -> InstrumentationScope {
    let version = env!("CARGO_PKG_VERSION").into();
    InstrumentationScope { name: "avif-extension".into(), version, ..InstrumentationScope::default() }
}

pub(super) fn string_attribute(key: &str, value: &str) -> KeyValue {
    attribute(key, Any::StringValue(value.into()))
}

pub(super) fn attribute(key: &str, value: Any) -> KeyValue {
    KeyValue { key: key.into(), value: Some(AnyValue { value: Some(value) }), ..KeyValue::default() }
}

/// Converts a JSON value to an attribute value.
pub(super) fn any_value(value: &Value) -> AnyValue {
    let value = match value {
        Value::Null => None,
        Value::Bool(truth) => Some(Any::BoolValue(*truth)),
        Value::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(whole), _) => Some(Any::IntValue(whole)),
            (None, float) => float.map(Any::DoubleValue),
        },
        Value::String(text) => Some(Any::StringValue(text.clone())),
        Value::Array(values) => Some(Any::ArrayValue(ArrayValue { values: values.iter().map(any_value).collect() })),
        Value::Object(fields) => {
            let pair = |(key, value): (&String, &Value)| KeyValue {
                key: key.clone(),
                value: Some(any_value(value)),
                ..KeyValue::default()
            };
            Some(Any::KvlistValue(KeyValueList { values: fields.iter().map(pair).collect() }))
        }
    };
    AnyValue { value }
}
