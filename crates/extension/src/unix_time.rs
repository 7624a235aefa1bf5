//! Times in nanoseconds since 1970, as OpenTelemetry has them.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

pub(crate) fn nanoseconds(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

/// Parses a time in RFC 3339. `None` if it is invalid or before 1970.
pub(crate) fn parse(time: &str) -> Option<u64> {
    let time = OffsetDateTime::parse(time, &Rfc3339).ok()?;
    u64::try_from(time.unix_timestamp_nanos()).ok()
}

/// A duration of milliseconds in nanoseconds. Negative durations become 0, too long ones `u64::MAX`.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a cast of floats saturates")]
pub(crate) fn from_milliseconds(milliseconds: f64) -> u64 {
    (milliseconds * 1e6).round() as u64
}

/// The duration until a deadline in milliseconds since 1970. Zero if the deadline has passed.
pub(crate) fn time_until(deadline_ms: u64) -> Duration {
    let deadline = UNIX_EPOCH + Duration::from_millis(deadline_ms);
    deadline.duration_since(SystemTime::now()).unwrap_or_default()
}
