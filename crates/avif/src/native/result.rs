//! Converts libavif's results: error codes, strings and byte buffers.

use std::ffi::{CStr, c_char};
use std::slice;

use super::sys;
use crate::error::Error;

/// Converts a result code to an error that names the function.
pub(super) fn check(call: &'static str, result: sys::avifResult) -> Result<(), Error> {
    check_with_diagnostics(call, result, "")
}

/// Converts a result code to an error that names the function and contains the `diagnostics`, if libavif wrote any.
pub(super) fn check_with_diagnostics(
    call: &'static str,
    result: sys::avifResult,
    diagnostics: &str,
) -> Result<(), Error> {
    if result == sys::AVIF_RESULT_OK {
        return Ok(());
    }
    if result == sys::AVIF_RESULT_OUT_OF_MEMORY {
        return Err(Error::OutOfMemory { call });
    }
    // SAFETY: the function accepts any value and returns a static, NUL-terminated string.
    let name = text(unsafe { sys::avifResultToString(result) });
    let message = if diagnostics.is_empty() { name } else { format!("{name}: {diagnostics}") };
    Err(Error::Library { call, message })
}

/// Copies a C string of libavif. The pointer must not be null, and the string must be NUL-terminated within its buffer.
pub(super) fn text(string: *const c_char) -> String {
    // SAFETY: the callers pass static strings of libavif, or buffers in which libavif wrote a NUL-terminated string.
    unsafe { CStr::from_ptr(string) }.to_string_lossy().into_owned()
}

/// Copies a buffer of libavif. Returns `None` if the buffer is empty.
pub(super) fn bytes(data: &sys::avifRWData) -> Option<Vec<u8>> {
    if data.data.is_null() || data.size == 0 {
        return None;
    }
    // SAFETY: libavif guarantees `size` initialized bytes at `data`.
    Some(unsafe { slice::from_raw_parts(data.data, data.size) }.to_vec())
}
