//! libavif through the safe handles: what is encoded is decoded again.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod round_trip;
mod sequence;
