use crate::decoded::Decoded;
use crate::error::Error;
use crate::header::Header;
use crate::native::reader::Reader;
use crate::options::{Options, Output};

/// A JPEG whose header was read.
pub struct Decoder<'bytes> {
    reader: Reader<'bytes>,
    header: Header,
    max_scans: u32,
}

impl<'bytes> Decoder<'bytes> {
    /// Reads a file up to its first scan.
    ///
    /// # Errors
    /// The file is invalid, truncated before its first scan, or not supported.
    pub fn open(bytes: &'bytes [u8], options: Options<'_>) -> Result<Self, Error> {
        let (reader, mut header) = Reader::open(bytes, options.tables)?;
        if let Some(color_space) = options.color_space {
            let (components, expected) = (header.color_space.components(), color_space.components());
            if components != expected {
                return Err(Error::ColorSpaceMismatch { components, expected });
            }
            header.color_space = color_space;
        }
        Ok(Self { reader, header, max_scans: options.max_scans })
    }

    /// The header.
    #[must_use]
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// Decodes the image. The caller must have checked its size: this function allocates the output, and
    /// [`Header::working_bytes`] more. The time depends on the number of pixels times the number of scans.
    ///
    /// # Errors
    /// The file contains no samples, is not supported or has too many scans. If a part of the image was decoded before
    /// an error, the function returns this part with a [`Damage`](crate::Damage) instead.
    pub fn decode(self, output: Output) -> Result<Decoded, Error> {
        if output == Output::Planes && !self.header.has_planes() {
            return Err(Error::NoPlanes);
        }
        let Header { color_space, has_several_scans, .. } = self.header;
        self.reader.start(color_space, output, self.max_scans)?.read(has_several_scans)
    }
}
