//! What parent and child write to each other.

use std::io::{self, Read, Write};
use std::sync::Arc;

use convert::{Conversion, SearchObstacle, Variant};
use model::{Outcome, SourceFacts, Timings, Width};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncRead, AsyncReadExt};

use super::confine::Confinement;
use crate::Error;
use crate::work::{Request, Work};

/// The longest header, in bytes. A header has a few notes of 200 characters and at most as many variants as a recipe.
const LONGEST_HEADER: u32 = 1 << 20;

/// The header of a request. The image file follows.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Order {
    pub(super) request: Request,
    pub(super) confinement: Confinement,
    /// The image file's length in bytes.
    pub(super) length: u64,
}

/// The header of a response.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Response {
    /// The files follow, one after the other.
    Converted {
        facts: SourceFacts,
        took: Timings,
        variants: Vec<VariantHeader>,
        /// The files' lengths in bytes.
        files: Vec<u64>,
        search_obstacle: Option<SearchObstacle>,
        notes: Vec<String>,
    },
    OutOfTime {
        needed: std::time::Duration,
        left: std::time::Duration,
    },
    /// The reason, and whether a retry can help.
    NotConverted {
        reason: String,
        can_retry: bool,
    },
}

/// A variant without its file.
#[derive(Debug, Serialize, Deserialize)]
struct VariantHeader {
    asked: Width,
    width: u32,
    height: u32,
    /// The file's index. Widths beyond the source's share one.
    file: usize,
    kept: bool,
    score: Option<f32>,
}

impl Response {
    /// The header, and the files that follow it.
    fn of(result: Result<Work, Error>) -> (Self, Vec<Arc<[u8]>>) {
        let Work { facts, conversion, took } = match result {
            Ok(work) => work,
            Err(Error::OutOfTime { needed, left }) => return (Self::OutOfTime { needed, left }, vec![]),
            Err(error) => {
                let can_retry = matches!(error.outcome(), Outcome::Failed { .. });
                return (Self::NotConverted { reason: crate::error::chain(&error), can_retry }, vec![]);
            }
        };
        let Conversion { variants, search_obstacle, notes } = conversion;
        let mut files: Vec<Arc<[u8]>> = vec![];
        let variants = variants
            .into_iter()
            .map(|Variant { asked, width, height, bytes, kept, score }| {
                let known = files.iter().position(|file| Arc::ptr_eq(file, &bytes));
                let file = known.unwrap_or_else(|| {
                    files.push(bytes);
                    files.len() - 1
                });
                VariantHeader { asked, width, height, file, kept, score }
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

/// Writes what came of a conversion.
pub(super) fn write_response(to: &mut impl Write, result: Result<Work, Error>) -> io::Result<()> {
    let (response, files) = Response::of(result);
    write_header(to, &response)?;
    files.iter().try_for_each(|file| to.write_all(file))?;
    to.flush()
}

/// Reads what came of a conversion. The child is not trusted: all files together have at most `most` bytes.
///
/// # Errors
/// The outer one where there is no whole response; the inner one is the conversion's own.
pub(super) async fn read_response(from: &mut (impl AsyncRead + Unpin), most: u64) -> io::Result<Result<Work, Error>> {
    let mut length = [0; 4];
    from.read_exact(&mut length).await?;
    let mut json = vec![0; header_length(length)?];
    from.read_exact(&mut json).await?;
    let (facts, took, variants, lengths, search_obstacle, notes) = match serde_json::from_slice(&json)? {
        Response::Converted { facts, took, variants, files, search_obstacle, notes } => {
            (facts, took, variants, files, search_obstacle, notes)
        }
        Response::OutOfTime { needed, left } => return Ok(Err(Error::OutOfTime { needed, left })),
        Response::NotConverted { reason, can_retry } => return Ok(Err(Error::NotConverted { reason, can_retry })),
    };
    let mut left = most;
    let mut files: Vec<Arc<[u8]>> = Vec::with_capacity(variants.len().min(lengths.len()));
    for length in lengths {
        left = left.checked_sub(length).ok_or_else(|| invalid("the files are too long"))?;
        let mut file = vec![0; usize::try_from(length).map_err(|_| invalid("a file is too long"))?];
        from.read_exact(&mut file).await?;
        files.push(file.into());
    }
    let variants = variants.into_iter().map(|VariantHeader { asked, width, height, file, kept, score }| {
        let bytes = Arc::clone(files.get(file).ok_or_else(|| invalid("a file is missing"))?);
        Ok(Variant { asked, width, height, bytes, kept, score })
    });
    let variants = variants.collect::<io::Result<_>>()?;
    Ok(Ok(Work { facts, conversion: Conversion { variants, search_obstacle, notes }, took }))
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
