//! Extends s3s-fs with conditional requests, a lock for each object, notifications, tags and a record of calls.

use std::collections::HashMap;
use std::future::Future;
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::http::{Extensions, HeaderMap, Method, Uri};
use percent_encoding::percent_decode_str;
use s3s::dto::{
    AbortMultipartUploadInput, AbortMultipartUploadOutput, CompleteMultipartUploadInput, CompleteMultipartUploadOutput,
    CopyObjectInput, CopyObjectOutput, CreateBucketInput, CreateBucketOutput, CreateMultipartUploadInput,
    CreateMultipartUploadOutput, DeleteBucketInput, DeleteBucketOutput, DeleteObjectInput, DeleteObjectOutput,
    DeleteObjectsInput, DeleteObjectsOutput, ETag, ETagCondition, GetBucketLocationInput, GetBucketLocationOutput,
    GetObjectInput, GetObjectOutput, GetObjectTaggingInput, GetObjectTaggingOutput, HeadBucketInput, HeadBucketOutput,
    HeadObjectInput, HeadObjectOutput, ListBucketsInput, ListBucketsOutput, ListObjectsInput, ListObjectsOutput,
    ListObjectsV2Input, ListObjectsV2Output, ListPartsInput, ListPartsOutput, PutObjectInput, PutObjectOutput, Tag,
    TagSet, UploadPartCopyInput, UploadPartCopyOutput, UploadPartInput, UploadPartOutput,
};
use s3s::{S3 as _, S3Request, S3Response, S3Result, s3_error};
use s3s_fs::FileSystem;
use serde_json::Value;
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::{Mutex, MutexGuard};

use super::calls::{Call, Calls};
use super::conditions::Conditions;
use super::listing;
use super::notification::{EventName, notification};

/// The number of locks. The hash of an object's bucket and key selects its lock. With 256 locks, two objects rarely
/// have the same lock.
const LOCKS: usize = 256;

/// The objects in all buckets of the server.
pub(super) struct Buckets {
    files: FileSystem,
    folder: PathBuf,
    notifications: UnboundedSender<Value>,
    locks: Vec<Mutex<()>>,
    tags: std::sync::Mutex<HashMap<(String, String), TagSet>>,
    pub(super) calls: Calls,
    /// Whether the server ignores conditions, like a store that does not support them.
    pub(super) ignores_conditions: Arc<AtomicBool>,
}

impl Buckets {
    pub(super) fn new(files: FileSystem, folder: PathBuf, notifications: UnboundedSender<Value>) -> Self {
        let locks = std::iter::repeat_with(|| Mutex::new(())).take(LOCKS).collect();
        let (tags, calls, ignores_conditions) = Default::default();
        Self { files, folder, notifications, locks, tags, calls, ignores_conditions }
    }

    /// Locks an object, so that no other request changes it between the check of the conditions and the write.
    async fn lock(&self, bucket: &str, key: &str) -> MutexGuard<'_, ()> {
        let hash = BuildHasherDefault::<DefaultHasher>::default().hash_one((bucket, key));
        let index = usize::try_from(hash % LOCKS as u64).expect("the remainder is less than LOCKS");
        self.locks[index].lock().await
    }

    /// Returns the object's `ETag` if it exists and the request has conditions. Without conditions the `ETag` is not
    /// needed, and it can be slow: s3s-fs reads the whole file to compute it if the file was copied into the folder.
    async fn etag_to_check(&self, bucket: &str, key: &str, conditions: &Conditions) -> S3Result<Option<ETag>> {
        if conditions.is_empty() { Ok(None) } else { self.etag(bucket, key).await }
    }

    async fn etag(&self, bucket: &str, key: &str) -> S3Result<Option<ETag>> {
        let input = HeadObjectInput::builder().bucket(bucket.to_owned()).key(key.to_owned()).build();
        let input = input.map_err(|error| s3_error!(error, InternalError))?;
        match self.files.head_object(internal_request(input)).await {
            Ok(head) => Ok(head.output.e_tag),
            Err(error) if matches!(error.code().as_str(), "NoSuchKey" | "NoSuchBucket") => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Returns the conditions of a request, or none if the server ignores conditions.
    fn conditions(&self, if_match: Option<ETagCondition>, if_none_match: Option<ETagCondition>) -> Conditions {
        if self.ignores_conditions.load(Ordering::Relaxed) {
            Conditions::default()
        } else {
            Conditions { if_match, if_none_match }
        }
    }

    /// Rejects a write to a missing bucket, which s3s-fs would create.
    fn check_bucket_exists(&self, bucket: &str) -> S3Result<()> {
        if self.folder.join(bucket).is_dir() {
            Ok(())
        } else {
            Err(s3_error!(NoSuchBucket, "the bucket {bucket} does not exist"))
        }
    }

    fn notify(&self, event_name: EventName, bucket: &str, key: &str, etag: Option<&ETag>) {
        let size = match event_name {
            EventName::Put | EventName::Copy | EventName::CompleteMultipartUpload => {
                self.folder.join(bucket).join(key).metadata().map(|file| file.len()).ok()
            }
            EventName::Delete => None,
        };
        // Sending fails only if the caller dropped the receiver.
        let _ = self.notifications.send(notification(event_name, bucket, key, etag.map(ETag::value), size));
    }

    /// Replaces the object's tags.
    fn set_tags(&self, object: (String, String), tags: TagSet) {
        if tags.is_empty() {
            self.tags().remove(&object)
        } else {
            self.tags().insert(object, tags)
        };
    }

    fn tags(&self) -> std::sync::MutexGuard<'_, HashMap<(String, String), TagSet>> {
        self.tags.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Performs an operation, and records the call with its result.
    async fn recorded<T>(&self, call: Call, work: impl Future<Output = S3Result<T>>) -> S3Result<T> {
        let result = work.await;
        self.record(call, &result);
        result
    }

    fn record<T>(&self, call: Call, result: &S3Result<T>) {
        let error = result.as_ref().err().map(|error| error.code().as_str().to_owned());
        self.calls.add(Call { error, ..call });
    }
}

/// Creates a request that the server itself sends to s3s-fs.
fn internal_request<T>(input: T) -> S3Request<T> {
    S3Request {
        input,
        method: Method::GET,
        uri: Uri::default(),
        headers: HeaderMap::default(),
        extensions: Extensions::default(),
        credentials: None,
        region: None,
        service: None,
        trailing_headers: None,
    }
}

fn call(operation: &'static str, bucket: &str, key: &str) -> Call {
    let (bucket, key) = (bucket.to_owned(), key.to_owned());
    Call { operation, bucket, key, metadata: HashMap::new(), etag: None, has_tags: false, error: None }
}

/// Parses the `x-amz-tagging` header, which has the form of a URL query.
fn parse_tags(query: &str) -> TagSet {
    let decoded = |text: &str| percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned();
    let tag = |pair: &str| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        Tag { key: Some(decoded(name)), value: Some(decoded(value)) }
    };
    query.split('&').filter(|pair| !pair.is_empty()).map(tag).collect()
}

#[async_trait::async_trait]
impl s3s::S3 for Buckets {
    async fn get_object(&self, mut req: S3Request<GetObjectInput>) -> S3Result<S3Response<GetObjectOutput>> {
        let GetObjectInput { bucket, key, .. } = &req.input;
        let (bucket, key) = (bucket.clone(), key.clone());
        let conditions = self.conditions(req.input.if_match.take(), req.input.if_none_match.take());
        self.recorded(call("GetObject", &bucket, &key), async {
            let _lock = self.lock(&bucket, &key).await;
            conditions.check_read(self.etag_to_check(&bucket, &key, &conditions).await?.as_ref())?;
            // The body does not need the lock: a later write replaces the file, and the open file keeps its content.
            self.files.get_object(req).await
        })
        .await
    }

    async fn head_object(&self, mut req: S3Request<HeadObjectInput>) -> S3Result<S3Response<HeadObjectOutput>> {
        let HeadObjectInput { bucket, key, .. } = &req.input;
        let (bucket, key) = (bucket.clone(), key.clone());
        let conditions = self.conditions(req.input.if_match.take(), req.input.if_none_match.take());
        self.recorded(call("HeadObject", &bucket, &key), async {
            let _lock = self.lock(&bucket, &key).await;
            conditions.check_read(self.etag_to_check(&bucket, &key, &conditions).await?.as_ref())?;
            self.files.head_object(req).await
        })
        .await
    }

    async fn put_object(&self, mut req: S3Request<PutObjectInput>) -> S3Result<S3Response<PutObjectOutput>> {
        let PutObjectInput { bucket, key, .. } = &req.input;
        let (bucket, key) = (bucket.clone(), key.clone());
        self.check_bucket_exists(&bucket)?;
        let conditions = self.conditions(req.input.if_match.take(), req.input.if_none_match.take());
        let tagging = req.input.tagging.take();
        let (metadata, tagged) = (req.input.metadata.clone().unwrap_or_default(), tagging.is_some());
        let call =
            Call { metadata: metadata.into_iter().collect(), has_tags: tagged, ..call("PutObject", &bucket, &key) };
        let mut etag = None;
        let _lock = self.lock(&bucket, &key).await;
        let result = async {
            conditions.check_write(self.etag_to_check(&bucket, &key, &conditions).await?.as_ref())?;
            let response = self.files.put_object(req).await?;
            self.set_tags((bucket.clone(), key.clone()), parse_tags(tagging.as_deref().unwrap_or_default()));
            etag = response.output.e_tag.as_ref().map(|etag| etag.value().to_owned());
            self.notify(EventName::Put, &bucket, &key, response.output.e_tag.as_ref());
            Ok(response)
        };
        let result = result.await;
        self.record(Call { etag, ..call }, &result);
        result
    }

    async fn copy_object(&self, req: S3Request<CopyObjectInput>) -> S3Result<S3Response<CopyObjectOutput>> {
        let CopyObjectInput { bucket, key, .. } = &req.input;
        let (bucket, key) = (bucket.clone(), key.clone());
        self.check_bucket_exists(&bucket)?;
        let _lock = self.lock(&bucket, &key).await;
        self.recorded(call("CopyObject", &bucket, &key), async {
            let response = self.files.copy_object(req).await?;
            let etag = response.output.copy_object_result.as_ref().and_then(|result| result.e_tag.as_ref());
            self.notify(EventName::Copy, &bucket, &key, etag);
            Ok(response)
        })
        .await
    }

    async fn delete_object(&self, mut req: S3Request<DeleteObjectInput>) -> S3Result<S3Response<DeleteObjectOutput>> {
        let DeleteObjectInput { bucket, key, .. } = &req.input;
        let (bucket, key) = (bucket.clone(), key.clone());
        let conditions = self.conditions(req.input.if_match.take(), None);
        let _lock = self.lock(&bucket, &key).await;
        self.recorded(call("DeleteObject", &bucket, &key), async {
            conditions.check_delete(self.etag_to_check(&bucket, &key, &conditions).await?.as_ref())?;
            let response = self.files.delete_object(req).await?;
            self.set_tags((bucket.clone(), key.clone()), vec![]);
            self.notify(EventName::Delete, &bucket, &key, None);
            Ok(response)
        })
        .await
    }

    async fn complete_multipart_upload(
        &self,
        mut req: S3Request<CompleteMultipartUploadInput>,
    ) -> S3Result<S3Response<CompleteMultipartUploadOutput>> {
        let CompleteMultipartUploadInput { bucket, key, .. } = &req.input;
        let (bucket, key) = (bucket.clone(), key.clone());
        let conditions = self.conditions(req.input.if_match.take(), req.input.if_none_match.take());
        let _lock = self.lock(&bucket, &key).await;
        self.recorded(call("CompleteMultipartUpload", &bucket, &key), async {
            conditions.check_write(self.etag_to_check(&bucket, &key, &conditions).await?.as_ref())?;
            let response = self.files.complete_multipart_upload(req).await?;
            let etag = self.etag(&bucket, &key).await?;
            self.notify(EventName::CompleteMultipartUpload, &bucket, &key, etag.as_ref());
            Ok(response)
        })
        .await
    }

    async fn get_object_tagging(
        &self,
        req: S3Request<GetObjectTaggingInput>,
    ) -> S3Result<S3Response<GetObjectTaggingOutput>> {
        let GetObjectTaggingInput { bucket, key, .. } = req.input;
        self.recorded(call("GetObjectTagging", &bucket, &key), async {
            // A file that was copied into the folder has no tags.
            let tag_set = self.tags().get(&(bucket.clone(), key.clone())).cloned().unwrap_or_default();
            Ok(S3Response::new(GetObjectTaggingOutput { tag_set, version_id: None }))
        })
        .await
    }

    async fn create_multipart_upload(
        &self,
        req: S3Request<CreateMultipartUploadInput>,
    ) -> S3Result<S3Response<CreateMultipartUploadOutput>> {
        self.check_bucket_exists(&req.input.bucket)?;
        self.files.create_multipart_upload(req).await
    }

    async fn list_objects(&self, req: S3Request<ListObjectsInput>) -> S3Result<S3Response<ListObjectsOutput>> {
        let (is_encoded, marker) =
            (listing::is_encoding_requested(req.input.encoding_type.as_ref())?, req.input.marker.clone());
        let mut response = self.files.list_objects(req).await?;
        response.output.marker = marker;
        if is_encoded {
            listing::encode_v1(&mut response.output);
        }
        Ok(response)
    }

    async fn list_objects_v2(&self, req: S3Request<ListObjectsV2Input>) -> S3Result<S3Response<ListObjectsV2Output>> {
        let is_encoded = listing::is_encoding_requested(req.input.encoding_type.as_ref())?;
        let bucket = req.input.bucket.clone();
        self.recorded(call("ListObjectsV2", &bucket, ""), async {
            let mut response = self.files.list_objects_v2(req).await?;
            if is_encoded {
                listing::encode_v2(&mut response.output);
            }
            Ok(response)
        })
        .await
    }

    // s3s-fs handles the other operations.

    async fn create_bucket(&self, req: S3Request<CreateBucketInput>) -> S3Result<S3Response<CreateBucketOutput>> {
        self.files.create_bucket(req).await
    }

    async fn delete_bucket(&self, req: S3Request<DeleteBucketInput>) -> S3Result<S3Response<DeleteBucketOutput>> {
        self.files.delete_bucket(req).await
    }

    async fn delete_objects(&self, req: S3Request<DeleteObjectsInput>) -> S3Result<S3Response<DeleteObjectsOutput>> {
        self.files.delete_objects(req).await
    }

    async fn get_bucket_location(
        &self,
        req: S3Request<GetBucketLocationInput>,
    ) -> S3Result<S3Response<GetBucketLocationOutput>> {
        self.files.get_bucket_location(req).await
    }

    async fn head_bucket(&self, req: S3Request<HeadBucketInput>) -> S3Result<S3Response<HeadBucketOutput>> {
        self.files.head_bucket(req).await
    }

    async fn list_buckets(&self, req: S3Request<ListBucketsInput>) -> S3Result<S3Response<ListBucketsOutput>> {
        self.files.list_buckets(req).await
    }

    async fn list_parts(&self, req: S3Request<ListPartsInput>) -> S3Result<S3Response<ListPartsOutput>> {
        self.files.list_parts(req).await
    }

    async fn upload_part(&self, req: S3Request<UploadPartInput>) -> S3Result<S3Response<UploadPartOutput>> {
        self.files.upload_part(req).await
    }

    async fn upload_part_copy(
        &self,
        req: S3Request<UploadPartCopyInput>,
    ) -> S3Result<S3Response<UploadPartCopyOutput>> {
        self.files.upload_part_copy(req).await
    }

    async fn abort_multipart_upload(
        &self,
        req: S3Request<AbortMultipartUploadInput>,
    ) -> S3Result<S3Response<AbortMultipartUploadOutput>> {
        self.files.abort_multipart_upload(req).await
    }
}
