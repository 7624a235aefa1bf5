//! Functions that read the JSON of an event.

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::error::MalformedEvent;

/// The maximum number of field names in the description of an unknown event.
const MAX_DESCRIBED_FIELDS: usize = 8;
/// The maximum number of characters of each field name in this description.
const MAX_DESCRIBED_CHARACTERS: usize = 40;

/// Deserializes an event of this kind. The error contains the path of the invalid field.
pub(super) fn deserialize<T: DeserializeOwned>(event: &Value, kind: &'static str) -> Result<T, MalformedEvent> {
    serde_path_to_error::deserialize(event).map_err(|error| MalformedEvent::Invalid {
        event: kind,
        problem: format!("{}: {}", error.path(), error.inner()),
    })
}

/// Whether the event has a list of records, and `is_source` accepts this field of every record.
pub(super) fn all_records_are_from(event: &Value, field: &str, is_source: impl Fn(&str) -> bool) -> bool {
    let is_from = |record: &Value| record.get(field).and_then(Value::as_str).is_some_and(&is_source);
    event.get("Records").and_then(Value::as_array).is_some_and(|records| records.iter().all(is_from))
}

/// Describes an unknown event by the names of its fields and its source. The description does not contain the values of
/// the fields, because the log must not contain them.
pub(super) fn describe(event: &Value) -> String {
    let source = event.pointer("/Records/0/eventSource").or_else(|| event.get("source")).and_then(Value::as_str);
    let source = source.map(|source| format!(" from {:?}", truncate(source))).unwrap_or_default();
    match event {
        Value::Object(fields) if fields.is_empty() => "no fields".into(),
        Value::Object(fields) => {
            let names = fields.keys().take(MAX_DESCRIBED_FIELDS).map(|name| format!("{:?}", truncate(name)));
            format!("the fields {}{source}", names.collect::<Vec<_>>().join(", "))
        }
        Value::Array(_) => "a list instead of an object".into(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => "a value instead of an object".into(),
    }
}

fn truncate(text: &str) -> String {
    text.chars().take(MAX_DESCRIBED_CHARACTERS).collect()
}
