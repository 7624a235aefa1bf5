//! Conditional requests (Amazon S3 user guide, "Add preconditions to S3 operations with conditional requests").

use s3s::dto::{ETag, ETagCondition};
use s3s::{S3Result, s3_error};

/// The conditions of one request.
#[derive(Debug, Default)]
pub(super) struct Conditions {
    pub(super) if_match: Option<ETagCondition>,
    pub(super) if_none_match: Option<ETagCondition>,
}

impl Conditions {
    pub(super) fn are_none(&self) -> bool {
        self.if_match.is_none() && self.if_none_match.is_none()
    }

    /// Whether an object in that state, or none, may be read.
    pub(super) fn read(&self, current: Option<&ETag>) -> S3Result<()> {
        // What is not there is said by the operation itself.
        let Some(current) = current else { return Ok(()) };
        if self.if_match.as_ref().is_some_and(|condition| !holds(condition, current)) {
            return Err(s3_error!(PreconditionFailed));
        }
        if self.if_none_match.as_ref().is_some_and(|condition| holds(condition, current)) {
            return Err(s3_error!(NotModified));
        }
        Ok(())
    }

    /// Whether an object in that state, or none, may be written.
    pub(super) fn write(&self, current: Option<&ETag>) -> S3Result<()> {
        match (current, &self.if_match, &self.if_none_match) {
            (Some(current), _, Some(condition)) if holds(condition, current) => Err(s3_error!(PreconditionFailed)),
            (Some(current), Some(condition), _) if !holds(condition, current) => Err(s3_error!(PreconditionFailed)),
            (None, Some(_), _) => Err(s3_error!(NoSuchKey)),
            _ => Ok(()),
        }
    }

    /// Whether an object in that state, or none, may be removed. What is gone already is removed.
    pub(super) fn remove(&self, current: Option<&ETag>) -> S3Result<()> {
        match (current, &self.if_match) {
            (Some(current), Some(condition)) if !holds(condition, current) => Err(s3_error!(PreconditionFailed)),
            (None, Some(_)) => Err(s3_error!(NoSuchKey)),
            _ => Ok(()),
        }
    }
}

fn holds(condition: &ETagCondition, current: &ETag) -> bool {
    match condition {
        ETagCondition::Any => true,
        ETagCondition::ETag(etag) => etag.strong_cmp(current),
    }
}
