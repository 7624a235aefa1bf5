//! Attributes, and whom all of it is about.

use std::collections::BTreeMap;

use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::common::v1::{AnyValue, ArrayValue, InstrumentationScope, KeyValue, KeyValueList};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_semantic_conventions::attribute as standard;
use serde_json::Value;

use crate::config::Function;

/// The version of the semantic conventions whose names are used.
pub(super) const SCHEMA: &str = opentelemetry_semantic_conventions::SCHEMA_URL;

/// The function, as the semantic conventions describe one; `instance` tells its environments apart. What is told of it
/// counts for more than what is known.
#[must_use]
pub fn resource(
    function: &Function,
    told: &BTreeMap<String, String>,
    account: Option<&str>,
    instance: &str,
) -> Resource {
    let Function { name, version, memory, region } = function;
    let mut attributes = vec![
        text(standard::SERVICE_NAME, name),
        text(standard::CLOUD_PROVIDER, "aws"),
        text(standard::CLOUD_PLATFORM, "aws_lambda"),
        text(standard::CLOUD_REGION, region),
        text(standard::FAAS_NAME, name),
        text(standard::FAAS_VERSION, version),
        text(standard::FAAS_INSTANCE, instance),
    ];
    if *memory > 0 {
        attributes.push(pair(standard::FAAS_MAX_MEMORY, Any::IntValue(integer(memory << 20))));
    }
    if let Some(account) = account {
        attributes.push(text(standard::CLOUD_ACCOUNT_ID, account));
        let arn = format!("arn:aws:lambda:{region}:{account}:function:{name}");
        attributes.push(text(standard::CLOUD_RESOURCE_ID, &arn));
    }
    attributes.retain(|known| !told.contains_key(&known.key));
    attributes.extend(told.iter().map(|(name, value)| text(name, value)));
    Resource { attributes, ..Resource::default() }
}

pub(super) fn scope() -> InstrumentationScope {
    let version = env!("CARGO_PKG_VERSION").into();
    InstrumentationScope { name: "avif-extension".into(), version, ..InstrumentationScope::default() }
}

pub(super) fn text(key: &str, value: &str) -> KeyValue {
    pair(key, Any::StringValue(value.into()))
}

pub(super) fn pair(key: &str, value: Any) -> KeyValue {
    KeyValue { key: key.into(), value: Some(AnyValue { value: Some(value) }), ..KeyValue::default() }
}

/// JSON, as it is.
pub(super) fn any(value: &Value) -> AnyValue {
    let value = match value {
        Value::Null => None,
        Value::Bool(truth) => Some(Any::BoolValue(*truth)),
        Value::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(whole), _) => Some(Any::IntValue(whole)),
            (None, float) => float.map(Any::DoubleValue),
        },
        Value::String(text) => Some(Any::StringValue(text.clone())),
        Value::Array(values) => Some(Any::ArrayValue(ArrayValue { values: values.iter().map(any).collect() })),
        Value::Object(fields) => {
            let pair = |(key, value): (&String, &Value)| KeyValue {
                key: key.clone(),
                value: Some(any(value)),
                ..KeyValue::default()
            };
            Some(Any::KvlistValue(KeyValueList { values: fields.iter().map(pair).collect() }))
        }
    };
    AnyValue { value }
}

pub(super) fn integer(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
