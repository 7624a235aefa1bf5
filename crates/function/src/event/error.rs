use thiserror::Error;

/// The event cannot be parsed. The function returns this as an error, so that the sender delivers the event again or
/// keeps it.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum MalformedEvent {
    /// The format of the event is not supported.
    #[error(
        "unknown event with {description}; supported are S3 notifications (\"Records\" from aws:s3, s3:TestEvent), also \
         through SNS and SQS, EventBridge events from aws.s3, S3 Batch Operations (1.0, 2.0), {{\"bucket\": …, \"key\": …}}, \
         records of failed invocations (requestPayload), and HTTP requests with the payload format 2.0"
    )]
    Unknown {
        /// The names of the event's fields, and the event's source.
        description: String,
    },
    /// The format of the event is supported, but its content is invalid.
    #[error("{event}: {problem}")]
    Invalid {
        /// The kind of event.
        event: &'static str,
        /// The path of the invalid field, and the error of the parser.
        problem: String,
    },
    /// The event inside an envelope cannot be parsed.
    #[error("{envelope}: {inner}")]
    Enveloped {
        /// The kind of envelope.
        envelope: &'static str,
        /// The error of the event in the envelope.
        inner: Box<MalformedEvent>,
    },
}
