//! Converts times to nanoseconds since 1970, the format of OpenTelemetry.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

pub(crate) fn nanoseconds(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

/// Parses a time in RFC 3339. Returns `None` if it is invalid or before 1970.
pub(crate) fn parse(time: &str) -> Option<u64> {
    let time = OffsetDateTime::parse(time, &Rfc3339).ok()?;
    u64::try_from(time.unix_timestamp_nanos()).ok()
}

/// Converts milliseconds to nanoseconds. A negative duration becomes 0, and one that is too long becomes `u64::MAX`.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a cast of floats saturates")]
pub(crate) fn from_milliseconds(milliseconds: f64) -> u64 {
    (milliseconds * 1e6).round() as u64
}

/// Returns the time until a deadline in milliseconds since 1970; zero if the deadline has passed.
pub(crate) fn time_until(deadline_ms: u64) -> Duration {
    let deadline = UNIX_EPOCH + Duration::from_millis(deadline_ms);
    deadline.duration_since(SystemTime::now()).unwrap_or_default()
}
