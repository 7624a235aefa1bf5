//! The manifest: one line `bucket,key` for each source, with the key percent-encoded. This is the format of S3 Batch
//! Operations (Amazon S3 user guide, "Specifying a manifest").

use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, BufWriter, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::Error;

/// The characters that are percent-encoded: all except letters, digits and `-./_~`. Therefore an encoded key contains
/// no comma, quotation mark or line break.
const ENCODED: AsciiSet = NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'/').remove(b'_').remove(b'~');

/// A manifest that is being written.
#[derive(Debug)]
pub struct Manifest {
    path: PathBuf,
    file: BufWriter<File>,
    bytes: u64,
}

/// One line of the manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Line {
    pub(crate) bucket: String,
    /// The percent-encoded key.
    pub(crate) key: String,
    /// The length of the line in bytes, including the line break.
    pub(crate) bytes: u64,
}

impl Manifest {
    /// Truncates the file to `bytes` bytes and opens it to append lines.
    pub(crate) fn append(path: &Path, bytes: u64) -> Result<Self, Error> {
        let open = || {
            let mut file = OpenOptions::new().create(true).truncate(false).write(true).open(path)?;
            file.set_len(bytes)?;
            file.seek(SeekFrom::End(0))?;
            Ok(file)
        };
        let file = open().map_err(|error| Error::file("write", path, error))?;
        Ok(Self { path: path.to_owned(), file: BufWriter::new(file), bytes })
    }

    pub(crate) fn write(&mut self, bucket: &str, key: &str) -> Result<(), Error> {
        let line = format!("{bucket},{}\n", utf8_percent_encode(key, &ENCODED));
        self.bytes += line.len() as u64;
        self.file.write_all(line.as_bytes()).map_err(|error| Error::file("write", &self.path, error))
    }

    /// Writes the lines to the disk, and returns the length of the file in bytes.
    pub(crate) fn sync(&mut self) -> Result<u64, Error> {
        let mut sync = || {
            self.file.flush()?;
            self.file.get_ref().sync_data()
        };
        sync().map_err(|error| Error::file("write", &self.path, error))?;
        Ok(self.bytes)
    }

    /// Reads the lines that start at the byte offset `from` or later.
    pub(crate) fn lines(path: &Path, from: u64) -> Result<impl Iterator<Item = Result<Line, Error>> + use<'_>, Error> {
        let open = || {
            let mut file = File::open(path)?;
            file.seek(SeekFrom::Start(from))?;
            Ok(BufReader::new(file))
        };
        let file = open().map_err(|error| Error::file("read", path, error))?;
        Ok(file.lines().filter_map(move |line| {
            let line = match line {
                Ok(line) => line,
                Err(error) => return Some(Err(Error::file("read", path, error))),
            };
            let (bucket, key) = line.split_once(',')?;
            Some(Ok(Line { bucket: bucket.into(), key: key.into(), bytes: line.len() as u64 + 1 }))
        }))
    }
}
