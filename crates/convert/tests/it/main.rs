//! Whole files in, AVIFs out, looked at by a decoder that is not ours: libavif's own `avifdec` as the system has it.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod animation;
mod avif_boxes;
mod avif_in;
mod avif_lies;
mod bombs;
mod broken;
mod color;
mod formats;
mod gain_map;
mod icc;
mod jpeg;
mod look;
mod metadata;
mod motion;
mod orientation;
mod range;
mod search;
mod secrets;
mod source;
mod variants;
