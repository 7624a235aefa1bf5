use model::{OutputFormat, Size, VariantId};
use thiserror::Error;

use crate::Format;

/// Why a file was not converted. [`Error::Encode`], [`Error::Planes`] and [`Error::MissingVariant`] are not caused by
/// the file. All other errors are caused by the file.
#[derive(Debug, Error)]
pub enum Error {
    /// The file has no bytes.
    #[error("the file is empty")]
    Empty,
    /// The format of the file is unknown.
    #[error(
        "not an image in a supported format ({}); it begins with {begins}",
        Format::all().map(|format| format.to_string()).collect::<Vec<_>>().join(", ")
    )]
    UnknownFormat {
        /// The file's first bytes, in hexadecimal.
        begins: String,
    },
    /// The file is an image in a known format that is not supported.
    #[error("{format} is not supported: {reason}")]
    UnsupportedFormat {
        /// The format's name.
        format: &'static str,
        /// Why the format is not supported, and what the user can do instead.
        reason: &'static str,
    },
    /// The file has a supported format, but is damaged.
    #[error("damaged {format}: {message}")]
    Damaged {
        /// The format that was detected by the file's first bytes.
        format: Format,
        /// The decoder's error message.
        message: String,
    },
    /// The file has a supported format, but uses a feature that the decoder does not support.
    #[error("{format} of an unsupported kind: {message}")]
    Unsupported {
        /// The file's format.
        format: Format,
        /// The unsupported feature.
        message: String,
    },
    /// The file is larger than the limit.
    #[error("the file has {bytes} bytes, over the limit of {limit}; raise the limit on bytes to convert it")]
    TooManyBytes {
        /// The file's size.
        bytes: u64,
        /// The limit in bytes.
        limit: u64,
    },
    /// The image has more pixels than the limit.
    #[error("{width}x{height} is {pixels} pixels, over the limit of {limit}; raise the limit on pixels to convert it")]
    TooManyPixels {
        /// Width in pixels.
        width: u32,
        /// Height in pixels.
        height: u32,
        /// The number of pixels: width times height.
        pixels: u64,
        /// The limit in pixels.
        limit: u64,
    },
    /// The frames of the animation have more pixels than the limit.
    #[error(
        "its first {frames} frames count as {pixels} pixels, over the limit of {limit}; raise the limit on the pixels of \
         animations to convert it"
    )]
    TooManyFrames {
        /// The number of frames up to the frame that exceeds the limit.
        frames: u64,
        /// The number of pixels that these frames count as (see [`model::Limits::animation_pixels`]).
        pixels: u64,
        /// The limit in pixels.
        limit: u64,
    },
    /// A side of a variant would be longer than AVIF readers accept.
    #[error("{width}x{height} has a side over the {max} pixels that AVIF readers accept; request a smaller size", max = Size::MAX_SIDE)]
    SideTooLong {
        /// Width in pixels.
        width: u32,
        /// Height in pixels.
        height: u32,
    },
    /// The conversion would need more memory than the limit.
    #[error(
        "{width}x{height} needs about {needed} MiB of memory and {limit} MiB are allowed; give the function more memory"
    )]
    TooMuchMemory {
        /// Width in pixels.
        width: u32,
        /// Height in pixels.
        height: u32,
        /// The estimated memory in MiB.
        needed: u64,
        /// The limit in MiB.
        limit: u64,
    },
    /// The encoder failed.
    #[error("cannot encode {width}x{height} as {format}")]
    Encode {
        /// The format of the variant.
        format: OutputFormat,
        /// Width in pixels.
        width: u32,
        /// Height in pixels.
        height: u32,
        /// The error of the encoder.
        source: EncodeError,
    },
    /// Resizing, or the conversion from RGB to luma and chroma, failed.
    #[error("cannot convert {width}x{height} to luma and chroma: {message}")]
    Planes {
        /// Width in pixels.
        width: u32,
        /// Height in pixels.
        height: u32,
        /// The error message.
        message: String,
    },
    /// No file was encoded for a variant. This is a defect of this crate.
    #[error("no file of {width}x{height} was encoded for the variant {id}; please report this defect")]
    MissingVariant {
        /// The variant.
        id: VariantId,
        /// Width in pixels.
        width: u32,
        /// Height in pixels.
        height: u32,
    },
}

/// The error of an encoder.
#[derive(Debug, Error)]
pub enum EncodeError {
    /// The error of libavif.
    #[error(transparent)]
    Avif(#[from] avif::Error),
    /// The error of libwebp.
    #[error("libwebp: {message}")]
    Webp {
        /// The error message.
        message: String,
        /// Whether the encoder could not allocate memory.
        is_out_of_memory: bool,
    },
    /// The error of the JPEG encoder.
    #[error("JPEG: {message}")]
    Jpeg {
        /// The error message.
        message: String,
        /// Whether the encoder could not allocate memory.
        is_out_of_memory: bool,
    },
}

impl EncodeError {
    fn is_out_of_memory(&self) -> bool {
        match self {
            // The text is libaom's error message.
            Self::Avif(avif::Error::Library { message, .. }) => message.contains("Memory allocation"),
            Self::Avif(error) => matches!(error, avif::Error::OutOfMemory { .. }),
            Self::Webp { is_out_of_memory, .. } | Self::Jpeg { is_out_of_memory, .. } => *is_out_of_memory,
        }
    }
}

impl Error {
    /// Creates the error of an encoder for an image of this size.
    pub(crate) fn encode(format: OutputFormat, (width, height): (u32, u32), source: impl Into<EncodeError>) -> Self {
        Self::Encode { format, width, height, source: source.into() }
    }

    /// Whether the error means that an encoder could not allocate memory. Decoders do not report this error.
    #[must_use]
    pub fn is_out_of_memory(&self) -> bool {
        match self {
            Self::Encode { source, .. } => source.is_out_of_memory(),
            _ => false,
        }
    }
}

/// Returns a decoder's message on one line, without control characters, and with at most 200 characters. This is needed
/// because the message may contain arbitrary bytes of the file.
pub(crate) fn brief(text: &str) -> String {
    const MAX_CHARACTERS: usize = 200;
    let parts = text.split(char::is_control).map(str::trim).filter(|part| !part.is_empty());
    let line = parts.collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(MAX_CHARACTERS) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decoder_message_becomes_one_line_of_limited_length() {
        assert_eq!(brief("bad\n{\"level\": \"INFO\"}\r\u{1b}[2J"), "bad {\"level\": \"INFO\"} [2J");
        assert_eq!(brief(&"写".repeat(1000)), format!("{}…", "写".repeat(200)));
    }
}
