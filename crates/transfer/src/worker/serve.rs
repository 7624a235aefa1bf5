//! The child process: reads a request, converts the image and writes the response.

use std::io::{self, Read};
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::message::{RequestHeader, read_header, write_response, write_search};
use crate::Error;
use crate::panic::panic_message;
use crate::timed_conversion::convert_with_callback;

/// Converts the image on standard input and writes the response to standard output. The program must call this function
/// before it starts a thread.
///
/// # Errors
/// The request cannot be read, a limit cannot be set, or the response cannot be written.
pub fn serve() -> io::Result<()> {
    let mut input = io::stdin().lock();
    let RequestHeader { request, limits, length } = read_header(&mut input)?;
    // The limits apply before the image is read, because the image may be hostile.
    limits.apply()?;
    // A panic is reported in the response, so it is not printed.
    std::panic::set_hook(Box::new(|_| ()));
    // The buffer is allocated once with the exact size. A buffer that grows needs more memory than the file, and could
    // exceed the limit on memory.
    let mut bytes = Vec::with_capacity(usize::try_from(length).map_err(io::Error::other)?);
    input.take(length).read_to_end(&mut bytes)?;
    if bytes.len() as u64 != length {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    let before_encoding = |is_search| {
        limits.raise_memory_limit();
        if is_search {
            write_search(&mut io::stdout().lock());
        }
    };
    let result = catch_unwind(AssertUnwindSafe(|| convert_with_callback(bytes, &request, before_encoding)))
        .unwrap_or_else(|panic| Err(Error::Panicked { message: panic_message(&*panic) }));
    write_response(&mut io::stdout().lock(), result)
}
