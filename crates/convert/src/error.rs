use thiserror::Error;

use crate::Format;

/// Why a file did not become AVIF. All but [`Error::Encode`] and [`Error::Planes`] are the file's fault.
#[derive(Debug, Error)]
pub enum Error {
    /// There is nothing in it.
    #[error("the file is empty")]
    Empty,
    /// It is none of the formats read here.
    #[error("not a picture in a format read here (JPEG, PNG, WebP, GIF, TIFF, BMP, AVIF); it begins with {begins}")]
    Unknown {
        /// Its first bytes, in hexadecimal.
        begins: String,
    },
    /// It is a picture, in a format that is not read here.
    #[error("{format} is not read here: {why}")]
    Unread {
        /// The format's name.
        format: &'static str,
        /// Why not, and what to do instead.
        why: &'static str,
    },
    /// It is of a known format, and damaged.
    #[error("damaged {format}: {message}")]
    Damaged {
        /// What it claims to be.
        format: Format,
        /// What its decoder found.
        message: String,
    },
    /// It is of a known format, in a form its decoder does not know.
    #[error("{format} of an unsupported kind: {message}")]
    Unsupported {
        /// What it is.
        format: Format,
        /// What is unsupported.
        message: String,
    },
    /// The file is too long.
    #[error("{bytes} bytes are over the limit of {limit}; raise the limit on bytes to convert it")]
    TooManyBytes {
        /// The file's size.
        bytes: u64,
        /// The limit.
        limit: u64,
    },
    /// The picture is too large.
    #[error("{width}x{height} is {pixels} pixels, over the limit of {limit}; raise the limit on pixels to convert it")]
    TooManyPixels {
        /// Pixels across.
        width: u32,
        /// Pixels down.
        height: u32,
        /// Their product.
        pixels: u64,
        /// The limit.
        limit: u64,
    },
    /// The animation is too long.
    #[error(
        "its first {frames} frames count as {pixels} pixels, over the limit of {limit}; raise the limit on the pixels of \
         animations to convert it"
    )]
    TooManyFrames {
        /// Frames up to the one that is over the limit.
        frames: u64,
        /// What they count as: see [`model::Limits::animation_pixels`].
        pixels: u64,
        /// The limit.
        limit: u64,
    },
    /// A variant's side would be longer than readers accept.
    #[error("{width}x{height} has a side over the {max} pixels that AVIF readers accept; ask for a narrower width", max = model::Width::MAX)]
    TooLong {
        /// Pixels across.
        width: u32,
        /// Pixels down.
        height: u32,
    },
    /// It would take too much memory.
    #[error(
        "{width}x{height} needs about {needed} MiB of memory and {limit} MiB are allowed; give the function more memory"
    )]
    TooMuchMemory {
        /// Pixels across.
        width: u32,
        /// Pixels down.
        height: u32,
        /// MiB it would take.
        needed: u64,
        /// MiB there are.
        limit: u64,
    },
    /// The encoder failed.
    #[error("cannot encode {width}x{height}")]
    Encode {
        /// Pixels across.
        width: u32,
        /// Pixels down.
        height: u32,
        /// What libavif said.
        source: avif::Error,
    },
    /// Pixels did not become planes.
    #[error("cannot make planes of {width}x{height}: {message}")]
    Planes {
        /// Pixels across.
        width: u32,
        /// Pixels down.
        height: u32,
        /// What went wrong.
        message: String,
    },
}

impl Error {
    /// Whether an encoder could not allocate. Decoders do not say so.
    #[must_use]
    pub fn is_out_of_memory(&self) -> bool {
        match self {
            // libaom's words.
            Self::Encode { source: avif::Error::Library { message, .. }, .. } => message.contains("Memory allocation"),
            Self::Encode { source, .. } => matches!(source, avif::Error::OutOfMemory { .. }),
            _ => false,
        }
    }
}

/// What a decoder says, on one line and no longer than a line: a file's own bytes may be in it.
pub(crate) fn brief(text: &str) -> String {
    const LONGEST: usize = 200;
    let parts = text.split(char::is_control).map(str::trim).filter(|part| !part.is_empty());
    let line = parts.collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_decoder_says_cannot_begin_a_line_of_its_own_or_fill_the_log() {
        assert_eq!(brief("bad\n{\"level\": \"INFO\"}\r\u{1b}[2J"), "bad {\"level\": \"INFO\"} [2J");
        assert_eq!(brief(&"写".repeat(1000)), format!("{}…", "写".repeat(200)));
    }
}
