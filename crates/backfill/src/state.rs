//! The state directory of a backfill. `ledger.json` contains the progress, and `manifest.csv` contains the selected
//! sources.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use transfer::{BucketName, Plan};

use crate::batch_operations::{JobRequest, JobSettings};
use crate::{Cursor, Error, Manifest, Origin};

/// The sources that a backfill converts, and the settings of the conversion. A state directory belongs to one
/// selection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Selection {
    /// The origin of the keys: a bucket, or an inventory of the bucket.
    pub origin: Origin,
    /// Suffixes of the keys to convert, in lower case. If it is empty, all keys are converted.
    pub suffixes: Vec<String>,
    /// Whether the backfill skips sources that are already converted. If it does not, the manifest also contains these
    /// sources, and the function skips them.
    #[serde(rename = "look")]
    pub skip_converted: bool,
    /// The fingerprint of the recipe. A source that was converted with another recipe is converted again.
    #[serde(rename = "recipe")]
    pub fingerprint: String,
    /// The output location and the widths, in the format `BUCKET/PREFIXWIDTHS`.
    pub outputs: String,
}

/// The number of listed objects of each kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Objects that were listed.
    pub listed: u64,
    /// Objects that are not sources: outputs, folders, and keys with other suffixes.
    #[serde(rename = "no_source")]
    pub not_sources: u64,
    /// Sources that are larger than the plan's limit in bytes.
    pub too_large: u64,
    /// Sources that are already converted.
    #[serde(rename = "stored")]
    pub converted: u64,
    /// Sources that must be restored before they can be read. The state of the first release does not contain this
    /// count.
    #[serde(default)]
    pub archived: u64,
    /// Sources to convert. The manifest has one line for each of these sources.
    #[serde(rename = "to_do")]
    pub to_convert: u64,
    /// The size of the sources to convert, in bytes.
    pub bytes: u64,
}

/// The content of `ledger.json`.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Progress {
    #[serde(rename = "task")]
    selection: Selection,
    counts: Counts,
    cursor: Cursor,
    /// The length of the valid part of the manifest in bytes. A killed process may have written more bytes, which the
    /// next run removes.
    #[serde(rename = "manifest")]
    manifest_bytes: u64,
    /// The progress of sending: the length in bytes of the part of the manifest for which messages were sent, and the
    /// number of these messages.
    sent: (u64, u64),
    /// The ID of the S3 Batch Operations job.
    job: Option<String>,
    /// The request that creates the job. The request is saved before it is sent. The state of the first release
    /// contains a job but no request.
    #[serde(default)]
    job_request: Option<JobRequest>,
}

/// An open state directory.
#[derive(Debug)]
pub struct State {
    folder: PathBuf,
    progress: Progress,
}

impl Selection {
    /// Creates the selection for a backfill of `origin` with this plan.
    #[must_use]
    pub fn new(origin: Origin, suffixes: Vec<String>, skip_converted: bool, plan: &Plan) -> Self {
        let suffixes = suffixes.into_iter().map(|suffix| suffix.to_lowercase()).collect();
        let variants: Vec<String> = plan.recipe.variants().map(|id| id.to_string()).collect();
        let layout = &plan.layout;
        let outputs = format!(
            "{}/{}{}",
            layout.bucket.as_ref().map_or("", BucketName::as_str),
            layout.prefix,
            variants.join(",")
        );
        Self { origin, suffixes, skip_converted, fingerprint: plan.fingerprint_with_rules(), outputs }
    }
}

impl State {
    /// Opens the state directory, or creates it.
    ///
    /// # Errors
    /// The directory cannot be read or written, or it belongs to another selection.
    pub fn open(folder: &Path, selection: &Selection) -> Result<Self, Error> {
        fs::create_dir_all(folder).map_err(|error| Error::file("write", folder, error))?;
        let path = folder.join(FILE);
        let progress = match fs::read(&path) {
            Ok(bytes) => {
                serde_json::from_slice(&bytes).map_err(|error| Error::file("read", &path, io::Error::other(error)))?
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Progress {
                selection: selection.clone(),
                counts: Counts::default(),
                cursor: Cursor::Start,
                manifest_bytes: 0,
                sent: (0, 0),
                job: None,
                job_request: None,
            },
            Err(error) => return Err(Error::file("read", &path, error)),
        };
        if progress.selection != *selection {
            return Err(Error::OtherSelection { folder: folder.to_owned() });
        }
        Ok(Self { folder: folder.to_owned(), progress })
    }

    /// The counts of the objects that were listed so far.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.progress.counts
    }

    /// Whether all objects were listed.
    #[must_use]
    pub fn is_listed(&self) -> bool {
        self.progress.cursor == Cursor::End
    }

    /// The number of messages that were sent.
    #[must_use]
    pub fn sent_messages(&self) -> u64 {
        self.progress.sent.1
    }

    /// Returns the ID of the job that was created with these settings. The first release did not save the settings of a
    /// job, so a job that it saved matches any settings. If the job did not match, the next run would create a second
    /// job that processes every source again.
    pub(crate) fn job_of(&self, settings: &JobSettings) -> Option<&str> {
        let is_same = self.progress.job_request.as_ref().is_none_or(|request| request.settings == *settings);
        self.progress.job.as_deref().filter(|_| is_same)
    }

    /// Returns the saved request for a job with these settings and this manifest. An earlier run may have sent the
    /// request.
    pub(crate) fn job_request(&self, settings: &JobSettings, manifest_etag: &str) -> Option<&JobRequest> {
        let request = self.progress.job_request.as_ref();
        request.filter(|request| request.settings == *settings && request.manifest_etag == manifest_etag)
    }

    /// The path of the manifest.
    #[must_use]
    pub fn manifest(&self) -> PathBuf {
        self.folder.join("manifest.csv")
    }

    pub(crate) fn selection(&self) -> &Selection {
        &self.progress.selection
    }

    pub(crate) fn cursor(&self) -> &Cursor {
        &self.progress.cursor
    }

    /// Opens the manifest after its last valid byte.
    pub(crate) fn open_manifest(&self) -> Result<Manifest, Error> {
        Manifest::append(&self.manifest(), self.progress.manifest_bytes)
    }

    pub(crate) fn sent_bytes(&self) -> u64 {
        self.progress.sent.0
    }

    /// Saves that a page was processed. The lines of the page must already be in the manifest.
    pub(crate) fn save_page(&mut self, counts: Counts, cursor: Cursor, manifest_bytes: u64) -> Result<(), Error> {
        self.progress = Progress { counts, cursor, manifest_bytes, ..self.progress.clone() };
        self.save()
    }

    /// Saves that `messages` more messages were sent, for the sources in the next `bytes` bytes of the manifest.
    pub(crate) fn save_sent(&mut self, bytes: u64, messages: u64) -> Result<(), Error> {
        self.progress.sent = (self.progress.sent.0 + bytes, self.progress.sent.1 + messages);
        self.save()
    }

    /// Saves a request before it is sent. Removes the job of an earlier request from the state.
    pub(crate) fn save_request(&mut self, request: JobRequest) -> Result<(), Error> {
        (self.progress.job, self.progress.job_request) = (None, Some(request));
        self.save()
    }

    pub(crate) fn save_job(&mut self, job: String) -> Result<(), Error> {
        self.progress.job = Some(job);
        self.save()
    }

    /// Writes a temporary file and renames it, so a process that is killed leaves either the old state or the new one.
    fn save(&self) -> Result<(), Error> {
        let (path, temporary) = (self.folder.join(FILE), self.folder.join(".ledger.json"));
        let text = serde_json::to_vec_pretty(&self.progress)
            .expect("a struct of text and numbers can always be written as JSON");
        let write = || {
            let mut file = File::create(&temporary)?;
            file.write_all(&text)?;
            file.sync_data()?;
            fs::rename(&temporary, &path)
        };
        write().map_err(|error| Error::file("write", &path, error))
    }
}

const FILE: &str = "ledger.json";
