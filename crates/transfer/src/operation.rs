//! The S3 operations that a job calls, and what the reason says when one of them fails.

use std::fmt;

use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use model::Location;

use crate::Error;
use crate::error::chain;

/// The header in which S3 names the region of the bucket that was asked for.
const BUCKET_REGION: &str = "x-amz-bucket-region";

/// An operation of S3's API.
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

    /// What the role has to be allowed (Amazon S3 user guide, "Required permissions for Amazon S3 API operations", and
    /// for conditional requests "Add preconditions to S3 operations with conditional requests").
    pub(crate) const fn permissions(self) -> &'static str {
        match self {
            Self::GetObject => "s3:GetObject, and kms:Decrypt on the key of an object that a KMS key encrypts",
            Self::HeadObject => "s3:GetObject",
            Self::PutObject => {
                "s3:PutObject, s3:PutObjectTagging where tags are copied, and kms:GenerateDataKey where a KMS key encrypts"
            }
            Self::DeleteObject => "s3:DeleteObject, and s3:GetObject for the condition",
            Self::GetObjectTagging => {
                "s3:GetObjectTagging, or s3:GetObjectVersionTagging in a bucket that keeps versions"
            }
            Self::ListObjectsV2 => "s3:ListBucket on the bucket",
        }
    }

    /// The error for an operation that failed on this object.
    pub(crate) fn failed<E>(self, at: &Location, error: &SdkError<E, HttpResponse>) -> Error
    where
        E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    {
        self.failed_with(at, message(error) + &hint(error, self.permissions()))
    }

    /// The error for an answer that was not an error, but cannot be used.
    pub(crate) fn failed_with(self, at: &Location, message: impl Into<String>) -> Error {
        Error::Storage { operation: self, at: at.clone(), message: message.into() }
    }

    /// The error for an operation whose condition did not hold.
    pub(crate) fn conflict<E>(self, at: &Location, error: &SdkError<E, HttpResponse>) -> Error
    where
        E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    {
        Error::Conflict { message: format!("{self} of {at}: {}", message(error)) }
    }

    /// `cannot read s3://bucket/key: GetObject`: how a reason begins.
    pub(crate) fn cannot(self, at: &Location) -> String {
        format!("cannot {} {at}: {self}", self.verb())
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, to)
    }
}

/// The HTTP status of an answer that is an error.
pub(crate) fn status<E>(error: &SdkError<E, HttpResponse>) -> Option<u16> {
    error.raw_response().map(|response| response.status().as_u16())
}

/// The region of the bucket, where the answer is that the request has to go there.
pub(crate) fn region_of_bucket<E>(error: &SdkError<E, HttpResponse>) -> Option<String> {
    // 301 PermanentRedirect, 307 TemporaryRedirect, and 400 AuthorizationHeaderMalformed from the endpoint of us-east-1.
    let response = error.raw_response().filter(|response| matches!(response.status().as_u16(), 301 | 307 | 400))?;
    response.headers().get(BUCKET_REGION).map(str::to_owned)
}

/// What a service answered, on one line: the HTTP status, the service's code and its words. Where nobody answered, what
/// the connection met.
pub fn message<E>(error: &SdkError<E, HttpResponse>) -> String
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    let Some(status) = status(error) else { return one_line(&chain(error)) };
    let text = match (error.code(), error.message()) {
        (Some(code), Some(words)) => format!("{status} {code}: {words}"),
        (Some(code), None) => format!("{status} {code}"),
        (None, _) => match meaning(status) {
            Some(meaning) => format!("{status} {meaning}"),
            None => format!("{status}: {}", chain(error)),
        },
    };
    let region = region_of_bucket(error).map(|region| format!("; the bucket is in the region {region}"));
    one_line(&(text + &region.unwrap_or_default()))
}

/// What a status means of which no more is known: an answer to HEAD has no body to say it (Amazon S3 API reference, "Error
/// responses").
pub(crate) fn meaning(status: u16) -> Option<&'static str> {
    Some(match status {
        301 | 307 => "PermanentRedirect",
        400 => "BadRequest (expired credentials, another region, or an object that the client's own key encrypts)",
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

/// Whether the answer says that a permission is missing. A 403 to HEAD has no code.
pub(crate) fn is_denied<E>(error: &SdkError<E, HttpResponse>) -> bool
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    matches!(error.code(), Some("AccessDenied" | "AccessDeniedException"))
        || (status(error) == Some(403) && error.code().is_none())
}

/// Names the permissions, where the answer says that one is missing and does not say which.
pub(crate) fn hint<E>(error: &SdkError<E, HttpResponse>, permissions: &str) -> String
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    let names_action = error.message().is_some_and(|words| words.contains("not authorized to perform"));
    if is_denied(error) && !names_action { format!("; the role needs {permissions}") } else { String::new() }
}

fn one_line(text: &str) -> String {
    text.replace(['\n', '\r'], " ")
}
