//! Access checks: each request must be signed, and the path of each key must be inside its bucket's folder.

use std::path::{Path, PathBuf};

use async_trait::async_trait;
use s3s::access::{S3Access, S3AccessContext};
use s3s::dto::{CopyObjectInput, CopySource, DeleteObjectsInput, UploadPartCopyInput};
use s3s::path::S3Path;
use s3s::{S3Request, S3Result, s3_error};

/// Checks each request before s3s-fs performs its operation.
pub(super) struct Access {
    /// The folder that contains the buckets. Its path contains no symbolic links.
    folder: PathBuf,
}

impl Access {
    pub(super) fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// Checks that the key's path is in its bucket's folder. The file does not have to exist.
    fn check_key(&self, bucket: &str, key: &str) -> S3Result<()> {
        if key.starts_with('/') || key.contains('\0') || key.split('/').any(|part| matches!(part, "." | "..")) {
            return Err(s3_error!(
                InvalidArgument,
                "The key {key:?} is not a path in the bucket's folder: it begins with a slash, or contains \".\", \"..\" or NUL."
            ));
        }
        let root = self.folder.join(bucket);
        let path = root.join(key);
        // The file may not exist yet, so check the closest folder that exists.
        let existing = path.ancestors().find(|path| *path == self.folder || path.symlink_metadata().is_ok());
        if existing.is_none_or(|existing| existing == self.folder || is_inside(existing, &root)) {
            return Ok(());
        }
        Err(s3_error!(InvalidArgument, "The key {key:?} leads out of the bucket's folder through a symbolic link."))
    }

    fn check_source(&self, source: &CopySource) -> S3Result<()> {
        match source {
            CopySource::Bucket { bucket, key, .. } => self.check_key(bucket, key),
            // s3s-fs rejects these sources.
            CopySource::AccessPoint { .. } | CopySource::Outpost { .. } => Ok(()),
        }
    }
}

fn is_inside(path: &Path, folder: &Path) -> bool {
    path.canonicalize().is_ok_and(|path| path.starts_with(folder))
}

#[async_trait]
impl S3Access for Access {
    async fn check(&self, cx: &mut S3AccessContext<'_>) -> S3Result<()> {
        if cx.credentials().is_none() {
            return Err(s3_error!(AccessDenied, "Signature is required"));
        }
        match cx.s3_path() {
            S3Path::Root => Ok(()),
            S3Path::Bucket { bucket } => self.check_key(bucket, ""),
            S3Path::Object { bucket, key } => self.check_key(bucket, key),
        }
    }

    async fn copy_object(&self, req: &mut S3Request<CopyObjectInput>) -> S3Result<()> {
        self.check_source(&req.input.copy_source)
    }

    async fn upload_part_copy(&self, req: &mut S3Request<UploadPartCopyInput>) -> S3Result<()> {
        self.check_source(&req.input.copy_source)
    }

    async fn delete_objects(&self, req: &mut S3Request<DeleteObjectsInput>) -> S3Result<()> {
        req.input.delete.objects.iter().try_for_each(|object| self.check_key(&req.input.bucket, &object.key))
    }
}
