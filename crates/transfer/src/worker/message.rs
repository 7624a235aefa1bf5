//! The messages between the parent and the child process.

use std::io::{self, Read, Write};
use std::sync::Arc;
use std::time::Duration;

use convert::{Conversion, Preview, SearchObstacle, Variant};
use model::{Area, Outcome, SourceInfo, Timings, VariantId};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncRead, AsyncReadExt};

use super::process_limits::ProcessLimits;
use crate::Error;
use crate::timed_conversion::{ConversionRequest, TimedConversion};
use model::error_chain;

/// The byte that the child writes before a response.
const RESPONSE_MARKER: u8 = b'R';
/// The byte that the child writes, before its response, when a quality search begins.
const SEARCH_MARKER: u8 = b'S';
/// The maximum length of a header in bytes. A header has a few notes of 200 characters and as many variants as the
/// recipe.
const MAX_HEADER_BYTES: u32 = 1 << 20;
/// The maximum length of a note or a reason in characters. The texts of the crate `convert` are shorter.
const MAX_TEXT_CHARS: usize = 1000;
/// The maximum number of notes. The crate `convert` writes fewer notes.
const MAX_NOTES: usize = 50;

/// The header of a request. The image file follows the header.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct RequestHeader {
    pub(super) request: ConversionRequest,
    pub(super) limits: ProcessLimits,
    /// The length of the image file in bytes.
    pub(super) length: u64,
}

/// The header of a response.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum ResponseHeader {
    /// The output files follow the header.
    Converted {
        info: SourceInfo,
        timings: Timings,
        variants: Vec<VariantHeader>,
        /// The length of each output file in bytes.
        files: Vec<u64>,
        search_obstacle: Option<SearchObstacle>,
        notes: Vec<String>,
        preview: Option<Preview>,
    },
    OutOfTime {
        needed: Duration,
        left: Duration,
    },
    OutOfMemory,
    /// The conversion failed for another reason than missing time or memory.
    NotConverted {
        reason: String,
        can_retry: bool,
    },
}

/// The properties of a variant. The file of the variant follows the header.
#[derive(Debug, Serialize, Deserialize)]
struct VariantHeader {
    id: VariantId,
    width: u32,
    height: u32,
    crop: Option<Area>,
    /// The index of the variant's file. Variants of one format with the same size and crop share one file.
    file: usize,
    is_source: bool,
    score: Option<f32>,
}

impl ResponseHeader {
    /// Returns the header for a result, and the files that follow the header.
    fn from_result(result: Result<TimedConversion, Error>) -> (Self, Vec<Arc<[u8]>>) {
        let TimedConversion { info, conversion, preview, timings } = match result {
            Ok(converted) => converted,
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
            .map(|Variant { id, width, height, crop, bytes, is_source, score }| {
                let existing = files.iter().position(|file| Arc::ptr_eq(file, &bytes));
                let file = existing.unwrap_or_else(|| {
                    files.push(bytes);
                    files.len() - 1
                });
                VariantHeader { id, width, height, crop, file, is_source, score }
            })
            .collect();
        let lengths = files.iter().map(|file| file.len() as u64).collect();
        (Self::Converted { info, timings, variants, files: lengths, search_obstacle, notes, preview }, files)
    }
}

/// Writes the length of a header and the header.
pub(super) fn write_header(to: &mut impl Write, header: &impl Serialize) -> io::Result<()> {
    let json = serde_json::to_vec(header)?;
    let length = u32::try_from(json.len()).map_err(|_| invalid("the header is too long"))?;
    to.write_all(&length.to_le_bytes())?;
    to.write_all(&json)
}

/// Reads the length of a header and the header.
pub(super) fn read_header<T: DeserializeOwned>(from: &mut impl Read) -> io::Result<T> {
    let mut length = [0; 4];
    from.read_exact(&mut length)?;
    let mut json = vec![0; parse_header_length(length)?];
    from.read_exact(&mut json)?;
    Ok(serde_json::from_slice(&json)?)
}

/// Reports that a quality search begins.
pub(super) fn write_search(to: &mut impl Write) {
    // The write fails only if the parent has ended, and then the kernel kills this process.
    let _ = to.write_all(&[SEARCH_MARKER]).and_then(|()| to.flush());
}

/// Writes the response.
pub(super) fn write_response(to: &mut impl Write, result: Result<TimedConversion, Error>) -> io::Result<()> {
    let (response, files) = ResponseHeader::from_result(result);
    to.write_all(&[RESPONSE_MARKER])?;
    write_header(to, &response)?;
    files.iter().try_for_each(|file| to.write_all(file))?;
    to.flush()
}

/// Reads the response. The child is not trusted, so the total size of its files is limited to `max_bytes`.
/// `is_searching` is set when a quality search begins.
///
/// # Errors
/// The outer error means that the response is incomplete or invalid. The inner error means that the conversion failed.
pub(super) async fn read_response(
    from: &mut (impl AsyncRead + Unpin),
    max_bytes: u64,
    is_searching: &mut bool,
) -> io::Result<Result<TimedConversion, Error>> {
    let mut marker = from.read_u8().await?;
    if marker == SEARCH_MARKER {
        *is_searching = true;
        marker = from.read_u8().await?;
    }
    if marker != RESPONSE_MARKER {
        return Err(invalid("the response begins with an unknown byte"));
    }
    let mut length = [0; 4];
    from.read_exact(&mut length).await?;
    let mut json = vec![0; parse_header_length(length)?];
    from.read_exact(&mut json).await?;
    let (info, timings, variants, lengths, search_obstacle, notes, preview) = match serde_json::from_slice(&json)? {
        ResponseHeader::Converted { info, timings, variants, files, search_obstacle, notes, preview } => {
            (info, timings, variants, files, search_obstacle, notes, preview)
        }
        ResponseHeader::OutOfTime { needed, left } => return Ok(Err(Error::OutOfTime { needed, left })),
        ResponseHeader::OutOfMemory => return Ok(Err(Error::OutOfMemory { limit_mib: max_bytes >> 20 })),
        ResponseHeader::NotConverted { reason, can_retry } => {
            return Ok(Err(Error::NotConverted { reason: shorten(reason), can_retry }));
        }
    };
    let notes = notes.into_iter().take(MAX_NOTES).map(shorten).collect();
    let mut bytes_left = max_bytes;
    let mut files: Vec<Arc<[u8]>> = Vec::with_capacity(variants.len().min(lengths.len()));
    for length in lengths {
        bytes_left = bytes_left.checked_sub(length).ok_or_else(|| invalid("the output files are too long"))?;
        let mut file = vec![0; usize::try_from(length).map_err(|_| invalid("an output file is too long"))?];
        from.read_exact(&mut file).await?;
        files.push(file.into());
    }
    let variants = variants.into_iter().map(|VariantHeader { id, width, height, crop, file, is_source, score }| {
        let bytes = Arc::clone(files.get(file).ok_or_else(|| invalid("an output file is missing"))?);
        Ok(Variant { id, width, height, crop, bytes, is_source, score })
    });
    let variants = variants.collect::<io::Result<_>>()?;
    Ok(Ok(TimedConversion { info, conversion: Conversion { variants, search_obstacle, notes }, preview, timings }))
}

/// Shortens a text from the child for the log and the response.
fn shorten(text: String) -> String {
    match text.char_indices().nth(MAX_TEXT_CHARS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

fn parse_header_length(length: [u8; 4]) -> io::Result<usize> {
    let length = u32::from_le_bytes(length);
    if length > MAX_HEADER_BYTES {
        return Err(invalid("the header is too long"));
    }
    usize::try_from(length).map_err(|_| invalid("the header is too long"))
}

fn invalid(message: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, message)
}
