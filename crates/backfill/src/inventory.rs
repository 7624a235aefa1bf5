//! Reads an S3 Inventory in CSV format (Amazon S3 user guide, "Locating your inventory list").

use std::fs::File;
use std::io::{BufRead, BufReader, Seek, SeekFrom};

use aws_sdk_s3::Client;
use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::SdkError;
use aws_sdk_s3::operation::get_object::GetObjectError;
use flate2::read::MultiGzDecoder;
use percent_encoding::percent_decode_str;
use serde::Deserialize;
use tokio::io::AsyncWriteExt;

use crate::page::MAX_ENTRIES;
use crate::{Cursor, Entry, Error, Origin, Page};

/// An inventory, with the list of its files and the rows of the file that is being read.
#[derive(Debug)]
pub struct Inventory {
    client: Client,
    origin: Origin,
    bucket: String,
    schema: Schema,
    files: Vec<String>,
    open: Option<Rows>,
}

/// The column index of each field in a row.
#[derive(Debug, Clone, Copy)]
struct Schema {
    key: usize,
    size: Option<usize>,
    etag: Option<usize>,
    storage_class: Option<usize>,
    access_tier: Option<usize>,
    latest: Option<usize>,
    delete_marker: Option<usize>,
}

/// The rows of one file.
#[derive(Debug)]
struct Rows {
    /// Index of the file in the inventory.
    file: usize,
    /// Number of rows that were read.
    read: u64,
    lines: std::io::Lines<BufReader<MultiGzDecoder<BufReader<File>>>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct InventoryManifest {
    source_bucket: String,
    destination_bucket: String,
    file_format: String,
    file_schema: String,
    files: Vec<InventoryFile>,
}

#[derive(Deserialize)]
struct InventoryFile {
    key: String,
}

impl Inventory {
    pub(crate) async fn open(client: &Client, origin: Origin, bucket: &str, key: &str) -> Result<Self, Error> {
        let at = format!("s3://{bucket}/{key}");
        let invalid = |message: String| Error::Inventory { at: at.clone(), message };
        let response = client.get_object().bucket(bucket).key(key).send().await;
        let response = response.map_err(|error| read_error(&at, &error))?;
        let bytes = response.body.collect().await.map_err(|source| Error::Interrupted { at: at.clone(), source })?;
        let manifest: InventoryManifest =
            serde_json::from_slice(&bytes.to_vec()).map_err(|error| invalid(error.to_string()))?;
        if manifest.file_format != "CSV" {
            return Err(invalid(format!(
                "its format is {}; configure an inventory in CSV format",
                manifest.file_format
            )));
        }
        if manifest.source_bucket != origin.bucket {
            return Err(invalid(format!("it lists the bucket {}, not {}", manifest.source_bucket, origin.bucket)));
        }
        let bucket = manifest.destination_bucket.rsplit(':').next().unwrap_or_default().to_owned();
        let schema = Schema::read(&manifest.file_schema)
            .ok_or_else(|| invalid(format!("it has no field Key; its fields are {}", manifest.file_schema)))?;
        let files = manifest.files.into_iter().map(|file| file.key).collect();
        Ok(Self { client: client.clone(), origin, bucket, schema, files, open: None })
    }

    pub(crate) async fn page(&mut self, cursor: &Cursor) -> Result<Page, Error> {
        let (file, row) = match cursor {
            Cursor::Row(file, row) => (*file, *row),
            Cursor::Start | Cursor::After(_) | Cursor::End => (0, 0),
        };
        if file >= self.files.len() {
            return Ok(Page { entries: vec![], next: Cursor::End });
        }
        let at = format!("s3://{}/{}", self.bucket, self.files[file]);
        let mut rows = match self.open.take().filter(|rows| (rows.file, rows.read) == (file, row)) {
            Some(rows) => rows,
            None => Rows::skip(self.download(file, &at).await?, file, row, &at)?,
        };
        let mut entries = Vec::with_capacity(MAX_ENTRIES);
        for _ in 0..MAX_ENTRIES {
            let Some(line) = rows.next(&at)? else {
                return Ok(Page { entries, next: Cursor::Row(file + 1, 0) });
            };
            let entry = self.schema.entry(&line);
            entries.extend(entry.filter(|entry| entry.key.starts_with(&self.origin.prefix)));
        }
        let next = Cursor::Row(file, rows.read);
        self.open = Some(rows);
        Ok(Page { entries, next })
    }

    /// Downloads a file to an unnamed temporary file.
    async fn download(&self, file: usize, at: &str) -> Result<File, Error> {
        let unwritable = |error| Error::file("write", &std::env::temp_dir(), error);
        let response = self.client.get_object().bucket(&self.bucket).key(&self.files[file]).send().await;
        let mut body = response.map_err(|error| read_error(at, &error))?.body;
        let temporary = tempfile::tempfile().map_err(unwritable)?;
        let mut writer = tokio::fs::File::from_std(temporary);
        while let Some(chunk) = body.next().await {
            let chunk = chunk.map_err(|source| Error::Interrupted { at: at.to_owned(), source })?;
            writer.write_all(&chunk).await.map_err(unwritable)?;
        }
        writer.flush().await.map_err(unwritable)?;
        let mut temporary = writer.into_std().await;
        temporary.seek(SeekFrom::Start(0)).map_err(unwritable)?;
        Ok(temporary)
    }
}

impl Rows {
    fn skip(temporary: File, file: usize, row: u64, at: &str) -> Result<Self, Error> {
        let lines = BufReader::new(MultiGzDecoder::new(BufReader::new(temporary))).lines();
        let mut rows = Self { file, read: 0, lines };
        while rows.read < row && rows.next(at)?.is_some() {}
        Ok(rows)
    }

    fn next(&mut self, at: &str) -> Result<Option<String>, Error> {
        let line = self.lines.next().transpose();
        self.read += 1;
        line.map_err(|error| Error::Inventory { at: at.to_owned(), message: format!("in line {}: {error}", self.read) })
    }
}

fn read_error(at: &str, error: &SdkError<GetObjectError, HttpResponse>) -> Error {
    Error::service(format!("read {at}"), "s3:GetObject, and kms:Decrypt if it is encrypted with SSE-KMS", error)
}

impl Schema {
    fn read(text: &str) -> Option<Self> {
        let names: Vec<&str> = text.split(',').map(str::trim).collect();
        let index = |name: &str| names.iter().position(|other| *other == name);
        Some(Self {
            key: index("Key")?,
            size: index("Size"),
            etag: index("ETag"),
            storage_class: index("StorageClass"),
            access_tier: index("IntelligentTieringAccessTier"),
            latest: index("IsLatest"),
            delete_marker: index("IsDeleteMarker"),
        })
    }

    /// Parses a row. Returns `None` for an old version or a delete marker.
    fn entry(&self, line: &str) -> Option<Entry> {
        let fields = fields(line);
        let field = |at: Option<usize>| at.and_then(|at| fields.get(at)).map(String::as_str);
        if field(self.latest) == Some("false") || field(self.delete_marker) == Some("true") {
            return None;
        }
        // A plus sign in an encoded key means a space, as in the encoding of HTML forms.
        let key = field(Some(self.key))?.replace('+', " ");
        let key = percent_decode_str(&key).decode_utf8().ok()?.into_owned();
        let bytes = field(self.size).and_then(|size| size.parse().ok()).unwrap_or_default();
        let etag = field(self.etag).filter(|etag| !etag.is_empty()).map(str::to_owned);
        // An inventory does not contain the restore status, so restored objects also count as archived.
        let is_archived = matches!(field(self.storage_class), Some("GLACIER" | "DEEP_ARCHIVE"))
            || field(self.access_tier).is_some_and(is_archive_tier);
        Some(Entry { key, bytes, etag, is_archived })
    }
}

/// Whether an access tier of `INTELLIGENT_TIERING` requires a restore. This function accepts the name of a tier with
/// and without the suffix `_ACCESS`, because inventories use the short form and the API uses the long form. Objects in
/// `ARCHIVE_INSTANT_ACCESS` can be read without a restore.
fn is_archive_tier(tier: &str) -> bool {
    matches!(tier, "ARCHIVE" | "ARCHIVE_ACCESS" | "DEEP_ARCHIVE" | "DEEP_ARCHIVE_ACCESS")
}

/// Splits a row into its fields. Keys are percent-encoded, so a row is always one line.
fn fields(line: &str) -> Vec<String> {
    let (mut fields, mut quoted) = (vec![String::new()], false);
    for character in line.chars() {
        match character {
            // An escaped (doubled) quotation mark in a field is lost. This does not matter, because the fields that
            // this module reads contain no quotation marks.
            '"' => quoted = !quoted,
            ',' if !quoted => fields.push(String::new()),
            _ => fields.last_mut().expect("the list of fields is never empty").push(character),
        }
    }
    fields
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_versions_and_delete_markers_are_skipped() {
        let schema = Schema::read("Bucket, Key, VersionId, IsLatest, IsDeleteMarker, Size, ETag").unwrap();
        let row = |latest: &str, marker: &str| {
            format!(r#""photos","a%20b%2C1.jpg","3sL4kqtJ","{latest}","{marker}","12","d41d8cd9""#)
        };
        let entry = Entry { key: "a b,1.jpg".into(), bytes: 12, etag: Some("d41d8cd9".into()), is_archived: false };
        assert_eq!(schema.entry(&row("true", "false")), Some(entry));
        assert_eq!(schema.entry(&row("false", "false")), None);
        assert_eq!(schema.entry(&row("true", "true")), None);
    }

    #[test]
    fn inventory_with_only_a_key_column_is_read() {
        let schema = Schema::read("Bucket, Key").unwrap();
        let entry = Entry { key: "a.jpg".into(), bytes: 0, etag: None, is_archived: false };
        assert_eq!(schema.entry(r#""photos","a.jpg""#), Some(entry));
        assert!(Schema::read("Bucket, Size").is_none());
    }

    #[test]
    fn archived_rows_are_recognized_by_storage_class_and_access_tier() {
        let schema = Schema::read("Bucket, Key, StorageClass, IntelligentTieringAccessTier").unwrap();
        for (class, tier, is_archived) in [
            ("STANDARD", "", false),
            ("GLACIER", "", true),
            ("DEEP_ARCHIVE", "", true),
            ("GLACIER_IR", "", false),
            ("INTELLIGENT_TIERING", "FREQUENT", false),
            ("INTELLIGENT_TIERING", "ARCHIVE_INSTANT_ACCESS", false),
            ("INTELLIGENT_TIERING", "ARCHIVE", true),
            ("INTELLIGENT_TIERING", "ARCHIVE_ACCESS", true),
            ("INTELLIGENT_TIERING", "DEEP_ARCHIVE", true),
            ("INTELLIGENT_TIERING", "DEEP_ARCHIVE_ACCESS", true),
        ] {
            let entry = schema.entry(&format!(r#""photos","a.jpg","{class}","{tier}""#)).unwrap();
            assert_eq!(entry.is_archived, is_archived, "{class} {tier}");
        }
    }
}
