//! The child's side.

use std::io::{self, Read};
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::message::{RequestHeader, read_header, write_response, write_search};
use crate::Error;
use crate::panic::panic_message;
use crate::work::work_with;

/// Converts the image on standard input, and writes the result to standard output. Call it before the first thread is started.
///
/// # Errors
/// The request cannot be read, a limit cannot be set, or the response cannot be written.
pub fn serve() -> io::Result<()> {
    let mut input = io::stdin().lock();
    let RequestHeader { request, confinement, length } = read_header(&mut input)?;
    // Before the first byte that somebody else wrote.
    confinement.apply()?;
    // The response reports a panic, so it need not be printed as well.
    std::panic::set_hook(Box::new(|_| ()));
    // In one piece, and not longer than announced: the file is as large as the limit on memory allows.
    let mut bytes = Vec::with_capacity(usize::try_from(length).map_err(io::Error::other)?);
    input.take(length).read_to_end(&mut bytes)?;
    if bytes.len() as u64 != length {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    let before_encoding = |is_search| {
        confinement.relax();
        if is_search {
            write_search(&mut io::stdout().lock());
        }
    };
    let result = catch_unwind(AssertUnwindSafe(|| work_with(bytes, &request, before_encoding)))
        .unwrap_or_else(|panic| Err(Error::Panicked { message: panic_message(&*panic) }));
    write_response(&mut io::stdout().lock(), result)
}
