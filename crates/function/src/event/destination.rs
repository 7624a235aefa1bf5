//! What Lambda sends to an on-failure destination once an asynchronous event failed for the last time (AWS Lambda
//! developer guide, "Capturing records of Lambda asynchronous invocations"): the event itself is inside. So a queue of
//! failures can be connected to the function to do them again.

use serde_json::Value;

use super::{Malformed, Told, told as inner};

const KIND: &str = "record of a failed invocation";

/// Whether it is such a record, also as EventBridge brings it.
pub(super) fn is(event: &Value) -> bool {
    let record = record(event);
    record.get("requestContext").is_some() && record.get("requestPayload").is_some()
}

pub(super) fn told(event: &Value) -> Result<Told, Malformed> {
    if record(event).pointer("/requestContext/condition").and_then(Value::as_str) == Some("Success") {
        let reason = "a record of an invocation that succeeded; send only failures here".into();
        return Ok(Told { refused: vec![reason], ..Told::default() });
    }
    inner(&record(event)["requestPayload"])
        .map_err(|error| Malformed::Content { event: KIND, message: format!("requestPayload: {error}") })
}

fn record(event: &Value) -> &Value {
    let is_by_bridge = event.get("source").and_then(Value::as_str) == Some("lambda");
    event.get("detail").filter(|_| is_by_bridge).unwrap_or(event)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::event::{Reply, jobs};

    #[test]
    fn record_of_a_failed_invocation_asks_for_what_its_event_asked_for() {
        let event: serde_json::Value = serde_json::from_str(include_str!("../../event.json")).unwrap();
        let record = json!({
            "version": "1.0", "timestamp": "2019-11-14T18:16:05.568Z",
            "requestContext": { "requestId": "e4b46cbf", "functionArn": "arn", "condition": "RetriesExhausted", "approximateInvokeCount": 3 },
            "requestPayload": event,
            "responseContext": { "statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled" },
            "responsePayload": { "errorMessage": "x" },
        });
        let by_bridge = json!({ "source": "lambda", "detail-type": "Lambda Function Invocation Result - Failure", "detail": record });
        let expected = jobs(&event).unwrap();
        for record in [&record, &by_bridge] {
            assert_eq!(jobs(record).unwrap(), expected);
            let body = record.to_string();
            let queued = json!({ "Records": [{ "messageId": "m", "eventSource": "aws:sqs", "body": body }] });
            let batch = jobs(&queued).unwrap();
            assert_eq!(batch.jobs, expected.jobs);
            assert!(matches!(batch.reply, Reply::Messages(_)), "a failure returns the message to its queue");
        }
    }

    #[test]
    fn record_of_a_success_is_rejected() {
        let event: serde_json::Value = serde_json::from_str(include_str!("../../event.json")).unwrap();
        let record = json!({ "requestContext": { "condition": "Success" }, "requestPayload": event });
        let batch = jobs(&record).unwrap();
        assert!(batch.jobs.is_empty() && batch.refused[0].contains("succeeded"), "{:?}", batch.refused);
    }

    #[test]
    fn record_of_an_event_that_was_not_understood_is_not_understood_either() {
        let record = json!({ "requestContext": {}, "requestPayload": { "hello": 1 } });
        let error = jobs(&record).unwrap_err().to_string();
        assert!(error.starts_with("record of a failed invocation: requestPayload: unknown event"), "{error}");
    }
}
