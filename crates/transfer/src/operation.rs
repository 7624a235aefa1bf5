//! The S3 operations that a job calls, and the messages of failed requests.

use std::fmt;

use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use model::{Location, error_chain};

/// The response header with the region of the requested bucket.
const BUCKET_REGION_HEADER: &str = "x-amz-bucket-region";

/// An operation of the S3 API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// Reads an object.
    GetObject,
    /// Reads an object's headers.
    HeadObject,
    /// Writes an object.
    PutObject,
    /// Deletes an object.
    DeleteObject,
    /// Reads an object's tags.
    GetObjectTagging,
    /// Lists keys.
    ListObjectsV2,
}

impl Operation {
    const fn verb(self) -> &'static str {
        match self {
            Self::GetObject => "read",
            Self::HeadObject => "look up",
            Self::PutObject => "write",
            Self::DeleteObject => "delete",
            Self::GetObjectTagging => "read the tags of",
            Self::ListObjectsV2 => "list",
        }
    }

    /// Returns the permissions that the role needs (Amazon S3 user guide, "Required permissions for Amazon S3 API
    /// operations", and for conditional requests "Add preconditions to S3 operations with conditional requests").
    pub(crate) const fn permissions(self) -> &'static str {
        match self {
            Self::GetObject => "s3:GetObject, and kms:Decrypt on the key of an object that a KMS key encrypts",
            Self::HeadObject => "s3:GetObject",
            Self::PutObject => {
                "s3:PutObject, s3:PutObjectTagging if tags are copied, and kms:GenerateDataKey if a KMS key encrypts"
            }
            Self::DeleteObject => "s3:DeleteObject, and s3:GetObject for the condition",
            Self::GetObjectTagging => "s3:GetObjectTagging, or s3:GetObjectVersionTagging in a bucket with versioning",
            Self::ListObjectsV2 => "s3:ListBucket on the bucket",
        }
    }

    /// Returns the beginning of an error message, for example `cannot read s3://bucket/key: GetObject`.
    pub(crate) fn describe_failure(self, at: &Location) -> String {
        format!("cannot {} {at}: {self}", self.verb())
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, to)
    }
}

/// Returns the HTTP status of an error response.
pub(crate) fn http_status<E>(error: &SdkError<E, HttpResponse>) -> Option<u16> {
    error.raw_response().map(|response| response.status().as_u16())
}

/// Returns the region of the bucket, if S3 rejected the request because it was sent to another region.
pub(crate) fn bucket_region<E>(error: &SdkError<E, HttpResponse>) -> Option<String> {
    // S3 responds with 301 PermanentRedirect or 307 TemporaryRedirect, and the endpoint of us-east-1 also responds with
    // 400 AuthorizationHeaderMalformed.
    let response = error.raw_response().filter(|response| matches!(response.status().as_u16(), 301 | 307 | 400))?;
    response.headers().get(BUCKET_REGION_HEADER).map(str::to_owned)
}

/// Returns the message for a failed request, on one line: the HTTP status, the service's error code and its message. If
/// there was no response, the message contains the error of the connection with its causes.
pub fn service_error_message<E>(error: &SdkError<E, HttpResponse>) -> String
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    let Some(status) = http_status(error) else { return error_chain(error) };
    let text = match (error.code(), error.message()) {
        (Some(code), Some(message)) => format!("{status} {code}: {message}"),
        (Some(code), None) => format!("{status} {code}"),
        (None, _) => match status_meaning(status) {
            Some(meaning) => format!("{status} {meaning}"),
            None => format!("{status}: {}", error_chain(error)),
        },
    };
    let region = bucket_region(error).map(|region| format!("; the bucket is in the region {region}"));
    (text + &region.unwrap_or_default()).replace(['\n', '\r'], " ")
}

/// Returns the meaning of an HTTP status without an error code. A response to HEAD has no body, and therefore no error
/// code (Amazon S3 API reference, "Error responses").
pub(crate) fn status_meaning(status: u16) -> Option<&'static str> {
    Some(match status {
        301 | 307 => "PermanentRedirect",
        400 => {
            "BadRequest (expired credentials, another region, or an object that is encrypted with the client's own key)"
        }
        403 => "Forbidden",
        404 => "NotFound",
        405 => "MethodNotAllowed",
        409 => "Conflict",
        412 => "PreconditionFailed",
        429 => "TooManyRequests (throttled)",
        500 => "InternalError",
        501 => "NotImplemented",
        503 => "SlowDown or ServiceUnavailable (throttled)",
        _ => return None,
    })
}

/// Whether the request failed because a permission is missing. A 403 response to HEAD has no error code, so it counts
/// as a missing permission.
pub(crate) fn is_access_denied<E>(error: &SdkError<E, HttpResponse>) -> bool
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    matches!(error.code(), Some("AccessDenied" | "AccessDeniedException"))
        || (http_status(error) == Some(403) && error.code().is_none())
}

/// Returns `; the role needs …` if a permission is missing and the service's message does not name the permission.
/// Otherwise returns an empty text.
pub(crate) fn permission_hint<E>(error: &SdkError<E, HttpResponse>, permissions: &str) -> String
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    let names_action = error.message().is_some_and(|message| message.contains("not authorized to perform"));
    if is_access_denied(error) && !names_action { format!("; the role needs {permissions}") } else { String::new() }
}
