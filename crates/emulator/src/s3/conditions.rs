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
    pub(super) fn is_empty(&self) -> bool {
        self.if_match.is_none() && self.if_none_match.is_none()
    }

    /// Checks the conditions of a read. `current` is the object's `ETag`, if it exists.
    pub(super) fn check_read(&self, current: Option<&ETag>) -> S3Result<()> {
        // The operation itself reports that the object does not exist.
        let Some(current) = current else { return Ok(()) };
        if self.if_match.as_ref().is_some_and(|condition| !is_met(condition, current)) {
            return Err(s3_error!(PreconditionFailed));
        }
        if self.if_none_match.as_ref().is_some_and(|condition| is_met(condition, current)) {
            return Err(s3_error!(NotModified));
        }
        Ok(())
    }

    /// Checks the conditions of a write.
    pub(super) fn check_write(&self, current: Option<&ETag>) -> S3Result<()> {
        match (current, &self.if_match, &self.if_none_match) {
            (Some(current), _, Some(condition)) if is_met(condition, current) => Err(s3_error!(PreconditionFailed)),
            (Some(current), Some(condition), _) if !is_met(condition, current) => Err(s3_error!(PreconditionFailed)),
            (None, Some(_), _) => Err(s3_error!(NoSuchKey)),
            _ => Ok(()),
        }
    }

    /// Checks the condition of a deletion. Without a condition, deleting a missing object succeeds.
    pub(super) fn check_delete(&self, current: Option<&ETag>) -> S3Result<()> {
        match (current, &self.if_match) {
            (Some(current), Some(condition)) if !is_met(condition, current) => Err(s3_error!(PreconditionFailed)),
            (None, Some(_)) => Err(s3_error!(NoSuchKey)),
            _ => Ok(()),
        }
    }
}

fn is_met(condition: &ETagCondition, current: &ETag) -> bool {
    match condition {
        ETagCondition::Any => true,
        ETagCondition::ETag(etag) => etag.strong_cmp(current),
    }
}
