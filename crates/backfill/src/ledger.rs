//! What was done already, on disk.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use transfer::{BucketName, Plan};

use crate::batch::{JobRequest, Order};
use crate::listing::{Cursor, Origin};
use crate::{Error, Manifest};

/// What is asked for. A folder holds one of these.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Task {
    /// Where keys come from.
    pub origin: Origin,
    /// The ends of keys that count, in small letters; all where there is none.
    pub suffixes: Vec<String>,
    /// Whether what is stored already is left out. Without a look the function finds out by itself.
    pub look: bool,
    /// The plan's fingerprint: what was made by another recipe is to be made anew.
    pub recipe: String,
    /// Where outputs go, in words.
    pub outputs: String,
}

/// What came of the keys so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Objects that were listed.
    pub listed: u64,
    /// Of these, what is no source: outputs, folders, other suffixes.
    pub no_source: u64,
    /// Sources over the plan's limit of bytes.
    pub too_large: u64,
    /// Sources whose variants are stored already.
    pub stored: u64,
    /// Sources that cannot be read until they are restored. An older ledger has no such count.
    #[serde(default)]
    pub archived: u64,
    /// Sources that are to be converted: the manifest's lines.
    pub to_do: u64,
    /// Their bytes.
    pub bytes: u64,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Written {
    task: Task,
    counts: Counts,
    cursor: Cursor,
    /// Of the manifest, in bytes: what lies behind was written by a process that ended before it could say so.
    manifest: u64,
    /// Of the manifest's bytes, those whose messages were sent, and how many these are.
    sent: (u64, u64),
    job: Option<String>,
    /// The request for that job, and before it was answered. An older ledger has a job without a request.
    #[serde(default)]
    job_request: Option<JobRequest>,
}

/// A backfill's folder: what was done of it, and its manifest.
#[derive(Debug)]
pub struct Ledger {
    folder: PathBuf,
    written: Written,
}

impl Task {
    /// The task of that origin by that plan.
    #[must_use]
    pub fn new(origin: Origin, suffixes: Vec<String>, look: bool, plan: &Plan) -> Self {
        let suffixes = suffixes.into_iter().map(|suffix| suffix.to_lowercase()).collect();
        let widths: Vec<String> = plan.recipe.widths.iter().map(|width| width.to_string()).collect();
        let layout = &plan.layout;
        let outputs =
            format!("{}/{}{}", layout.bucket.as_ref().map_or("", BucketName::as_str), layout.prefix, widths.join(","));
        Self { origin, suffixes, look, recipe: plan.fingerprint(), outputs }
    }
}

impl Ledger {
    /// Opens the folder, or makes it.
    ///
    /// # Errors
    /// It cannot be read or written, or it is another task's.
    pub fn open(folder: &Path, task: &Task) -> Result<Self, Error> {
        fs::create_dir_all(folder).map_err(|error| Error::file("write", folder, error))?;
        let path = folder.join(NAME);
        let written = match fs::read(&path) {
            Ok(bytes) => {
                serde_json::from_slice(&bytes).map_err(|error| Error::file("read", &path, io::Error::other(error)))?
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Written {
                task: task.clone(),
                counts: Counts::default(),
                cursor: Cursor::Start,
                manifest: 0,
                sent: (0, 0),
                job: None,
                job_request: None,
            },
            Err(error) => return Err(Error::file("read", &path, error)),
        };
        if written.task != *task {
            return Err(Error::Other { folder: folder.to_owned() });
        }
        Ok(Self { folder: folder.to_owned(), written })
    }

    /// What came of the keys so far.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.written.counts
    }

    /// Whether every key was seen.
    #[must_use]
    pub fn is_listed(&self) -> bool {
        self.written.cursor == Cursor::End
    }

    /// Messages that were sent.
    #[must_use]
    pub fn sent(&self) -> u64 {
        self.written.sent.1
    }

    /// The job that was created by that order. Of an older ledger's job the order is unknown, so it is taken for the same:
    /// a second job would hand over every key a second time.
    pub(crate) fn job_of(&self, order: &Order) -> Option<&str> {
        let is_same = self.written.job_request.as_ref().is_none_or(|request| request.order == *order);
        self.written.job.as_deref().filter(|_| is_same)
    }

    /// The request for a job by that order over that manifest, which was sent or was about to be.
    pub(crate) fn job_request(&self, order: &Order, manifest_etag: &str) -> Option<&JobRequest> {
        let request = self.written.job_request.as_ref();
        request.filter(|request| request.order == *order && request.manifest_etag == manifest_etag)
    }

    /// The manifest, as it lies on this machine.
    #[must_use]
    pub fn manifest(&self) -> PathBuf {
        self.folder.join("manifest.csv")
    }

    pub(crate) fn task(&self) -> &Task {
        &self.written.task
    }

    pub(crate) fn cursor(&self) -> &Cursor {
        &self.written.cursor
    }

    /// The manifest, cut off behind what was written down.
    pub(crate) fn open_manifest(&self) -> Result<Manifest, Error> {
        Manifest::append(&self.manifest(), self.written.manifest)
    }

    pub(crate) fn sent_bytes(&self) -> u64 {
        self.written.sent.0
    }

    /// Writes down a page, whose lines are in the manifest by now.
    pub(crate) fn page(&mut self, counts: Counts, cursor: Cursor, manifest: u64) -> Result<(), Error> {
        self.written = Written { counts, cursor, manifest, ..self.written.clone() };
        self.save()
    }

    pub(crate) fn send(&mut self, bytes: u64, messages: u64) -> Result<(), Error> {
        self.written.sent = (self.written.sent.0 + bytes, self.written.sent.1 + messages);
        self.save()
    }

    /// Holds the request that is about to be sent. The job of another one is forgotten.
    pub(crate) fn request_job(&mut self, request: JobRequest) -> Result<(), Error> {
        (self.written.job, self.written.job_request) = (None, Some(request));
        self.save()
    }

    pub(crate) fn create(&mut self, job: String) -> Result<(), Error> {
        self.written.job = Some(job);
        self.save()
    }

    /// Beside its place first, so that a process that is killed here leaves the old state or the new one.
    fn save(&self) -> Result<(), Error> {
        let (path, beside) = (self.folder.join(NAME), self.folder.join(".ledger.json"));
        let text = serde_json::to_vec_pretty(&self.written).expect("a struct of text and numbers is JSON");
        let write = || {
            let mut file = File::create(&beside)?;
            file.write_all(&text)?;
            file.sync_data()?;
            fs::rename(&beside, &path)
        };
        write().map_err(|error| Error::file("write", &path, error))
    }
}

const NAME: &str = "ledger.json";
