//! The only module of the crate with unsafe code: a handle that owns the C object of `native/reader.h`.
//!
//! The handle checks the object for null when it is created, and frees it once, on drop. Every C result is checked.
//! libjpeg reports fatal errors with `longjmp`. The C code catches each of them, so none crosses a Rust frame.
#![expect(unsafe_code, reason = "this is the one module that calls C functions")]

pub(crate) mod reader;
mod sys;
