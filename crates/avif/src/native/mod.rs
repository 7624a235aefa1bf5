//! The only module of the crate with unsafe code. It contains handles that own libavif's C objects, and two
//! functions that change process-wide settings of C libraries.
//!
//! Each handle owns one C object, checks it for null when it is created, and frees it once, on drop. Every C result
//! code is checked.
#![expect(unsafe_code, reason = "this is the one module that calls C functions")]

pub(crate) mod decoder;
pub(crate) mod encoder;
#[cfg(feature = "system")]
mod gain_map;
pub(crate) mod image;
pub(crate) mod library;
pub(crate) mod malloc;
mod pixels;
mod result;
pub(crate) mod svt_log;

#[cfg(not(feature = "system"))]
use libavif_sys as sys;

#[cfg(feature = "system")]
#[allow(
    clippy::all,
    clippy::pedantic,
    dead_code,
    missing_docs,
    non_camel_case_types,
    non_snake_case,
    non_upper_case_globals,
    unreachable_pub,
    unsafe_op_in_unsafe_fn,
    unused_qualifications,
    reason = "generated from libavif's header; bindgen and the compiler decide which of these apply"
)]
mod sys {
    include!(concat!(env!("OUT_DIR"), "/libavif.rs"));
}
