//! What parent and child write to each other.

use std::io::{self, Read, Write};
use std::sync::Arc;
use std::time::Duration;

use convert::{Conversion, SearchObstacle, Variant};
use model::{Outcome, SourceInfo, Timings, Width};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncRead, AsyncReadExt};

use super::confine::Confinement;
use crate::Error;
use crate::work::{Request, Work};
use model::error_chain;

/// The byte before a response, and the byte that a search for a quality writes before it.
const RESPONSE: u8 = b'R';
const SEARCH: u8 = b'S';
/// The longest header, in bytes. A header has a few notes of 200 characters and at most as many variants as a recipe.
const LONGEST_HEADER: u32 = 1 << 20;

/// The most characters of a note or a reason, and the most notes: more than `convert` ever writes.
const LONGEST_TEXT: usize = 1000;
const MOST_NOTES: usize = 50;

/// The header of a request. The image file follows.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct RequestHeader {
    pub(super) request: Request,
    pub(super) confinement: Confinement,
    /// The image file's length in bytes.
    pub(super) length: u64,
}

/// The header of a response.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum ResponseHeader {
    /// The files follow, one after the other.
    Converted {
        facts: SourceInfo,
        took: Timings,
        variants: Vec<VariantHeader>,
        /// The files' lengths in bytes.
        files: Vec<u64>,
        search_obstacle: Option<SearchObstacle>,
        notes: Vec<String>,
    },
    OutOfTime {
        needed: Duration,
        left: Duration,
    },
    OutOfMemory,
    /// The reason, and whether a retry can help.
    NotConverted {
        reason: String,
        can_retry: bool,
    },
}

/// A variant without its file.
#[derive(Debug, Serialize, Deserialize)]
struct VariantHeader {
    requested: Width,
    width: u32,
    height: u32,
    /// The file's index. Widths beyond the source's share one.
    file: usize,
    is_source: bool,
    score: Option<f32>,
}

impl ResponseHeader {
    /// The header, and the files that follow it.
    fn of(result: Result<Work, Error>) -> (Self, Vec<Arc<[u8]>>) {
        let Work { facts, conversion, took } = match result {
            Ok(work) => work,
            Err(Error::OutOfTime { needed, left }) => return (Self::OutOfTime { needed, left }, vec![]),
            Err(Error::Convert(error)) if error.is_out_of_memory() => return (Self::OutOfMemory, vec![]),
            Err(error) => {
                let can_retry = matches!(error.outcome(), Outcome::Failed { .. });
                return (Self::NotConverted { reason: error_chain(&error), can_retry }, vec![]);
            }
        };
        let Conversion { variants, search_obstacle, notes } = conversion;
        let mut files: Vec<Arc<[u8]>> = vec![];
        let variants = variants
            .into_iter()
            .map(|Variant { requested, width, height, bytes, is_source, score }| {
                let known = files.iter().position(|file| Arc::ptr_eq(file, &bytes));
                let file = known.unwrap_or_else(|| {
                    files.push(bytes);
                    files.len() - 1
                });
                VariantHeader { requested, width, height, file, is_source, score }
            })
            .collect();
        let lengths = files.iter().map(|file| file.len() as u64).collect();
        (Self::Converted { facts, took, variants, files: lengths, search_obstacle, notes }, files)
    }
}

/// Writes a header.
pub(super) fn write_header(to: &mut impl Write, header: &impl Serialize) -> io::Result<()> {
    let json = serde_json::to_vec(header)?;
    let length = u32::try_from(json.len()).map_err(|_| invalid("the header is too long"))?;
    to.write_all(&length.to_le_bytes())?;
    to.write_all(&json)
}

/// Reads a header.
pub(super) fn read_header<T: DeserializeOwned>(from: &mut impl Read) -> io::Result<T> {
    let mut length = [0; 4];
    from.read_exact(&mut length)?;
    let mut json = vec![0; header_length(length)?];
    from.read_exact(&mut json)?;
    Ok(serde_json::from_slice(&json)?)
}

/// Writes that the search for a quality begins.
pub(super) fn write_search(to: &mut impl Write) {
    // It fails if the parent is gone, which ends this process anyway.
    let _ = to.write_all(&[SEARCH]).and_then(|()| to.flush());
}

/// Writes what came of a conversion.
pub(super) fn write_response(to: &mut impl Write, result: Result<Work, Error>) -> io::Result<()> {
    let (response, files) = ResponseHeader::of(result);
    to.write_all(&[RESPONSE])?;
    write_header(to, &response)?;
    files.iter().try_for_each(|file| to.write_all(file))?;
    to.flush()
}

/// Reads what came of a conversion. The child is not trusted: all files together have at most `most` bytes. `is_searching`
/// is set when the search for a quality begins.
///
/// # Errors
/// The outer one where there is no whole response; the inner one is the conversion's own.
pub(super) async fn read_response(
    from: &mut (impl AsyncRead + Unpin),
    most: u64,
    is_searching: &mut bool,
) -> io::Result<Result<Work, Error>> {
    let mut mark = from.read_u8().await?;
    if mark == SEARCH {
        *is_searching = true;
        mark = from.read_u8().await?;
    }
    if mark != RESPONSE {
        return Err(invalid("the mark is unknown"));
    }
    let mut length = [0; 4];
    from.read_exact(&mut length).await?;
    let mut json = vec![0; header_length(length)?];
    from.read_exact(&mut json).await?;
    let (facts, took, variants, lengths, search_obstacle, notes) = match serde_json::from_slice(&json)? {
        ResponseHeader::Converted { facts, took, variants, files, search_obstacle, notes } => {
            (facts, took, variants, files, search_obstacle, notes)
        }
        ResponseHeader::OutOfTime { needed, left } => return Ok(Err(Error::OutOfTime { needed, left })),
        ResponseHeader::OutOfMemory => return Ok(Err(Error::OutOfMemory { limit_mib: most >> 20 })),
        ResponseHeader::NotConverted { reason, can_retry } => {
            return Ok(Err(Error::NotConverted { reason: short(reason), can_retry }));
        }
    };
    let notes = notes.into_iter().take(MOST_NOTES).map(short).collect();
    let mut left = most;
    let mut files: Vec<Arc<[u8]>> = Vec::with_capacity(variants.len().min(lengths.len()));
    for length in lengths {
        left = left.checked_sub(length).ok_or_else(|| invalid("the files are too long"))?;
        let mut file = vec![0; usize::try_from(length).map_err(|_| invalid("a file is too long"))?];
        from.read_exact(&mut file).await?;
        files.push(file.into());
    }
    let variants = variants.into_iter().map(|VariantHeader { requested, width, height, file, is_source, score }| {
        let bytes = Arc::clone(files.get(file).ok_or_else(|| invalid("a file is missing"))?);
        Ok(Variant { requested, width, height, bytes, is_source, score })
    });
    let variants = variants.collect::<io::Result<_>>()?;
    Ok(Ok(Work { facts, conversion: Conversion { variants, search_obstacle, notes }, took }))
}

/// Cuts a text of the child's, which goes into the log and the answer, to its longest length.
fn short(text: String) -> String {
    match text.char_indices().nth(LONGEST_TEXT) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

fn header_length(length: [u8; 4]) -> io::Result<usize> {
    let length = u32::from_le_bytes(length);
    if length > LONGEST_HEADER {
        return Err(invalid("the header is too long"));
    }
    usize::try_from(length).map_err(|_| invalid("the header is too long"))
}

fn invalid(message: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, message)
}
