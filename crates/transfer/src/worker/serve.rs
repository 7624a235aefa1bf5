//! The child's side.

use std::io::{self, Read};
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::message::{Order, read_header, write_response, write_search};
use crate::Error;
use crate::error::panic_message;
use crate::work::work_with;

/// Converts the image on standard input, and writes what came of it to standard output. To be called before the first thread
/// is started.
///
/// # Errors
/// What cannot be read, written or limited.
pub fn serve() -> io::Result<()> {
    let mut input = io::stdin().lock();
    let Order { request, confinement, length } = read_header(&mut input)?;
    // Before the first byte that somebody else wrote.
    confinement.apply()?;
    // A panic is reported as what came of the image. What it would print beside that is the parent's to say.
    std::panic::set_hook(Box::new(|_| ()));
    // In one piece, and not longer than announced: the file is as large as the limit on memory allows.
    let mut bytes = Vec::with_capacity(usize::try_from(length).map_err(io::Error::other)?);
    input.take(length).read_to_end(&mut bytes)?;
    let result = if bytes.len() as u64 == length {
        let before_encoding = |is_search| {
            confinement.relax();
            if is_search {
                write_search(&mut io::stdout().lock());
            }
        };
        let work = || work_with(bytes, &request, before_encoding);
        catch_unwind(AssertUnwindSafe(work))
            .unwrap_or_else(|panic| Err(Error::Panicked { message: panic_message(&*panic) }))
    } else {
        return Err(io::ErrorKind::UnexpectedEof.into());
    };
    write_response(&mut io::stdout().lock(), result)
}
