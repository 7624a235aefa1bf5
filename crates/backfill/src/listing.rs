//! Lists the objects of a bucket, page by page.

use aws_sdk_s3::Client;
use aws_sdk_s3::types::{EncodingType, Object, ObjectStorageClass, OptionalObjectAttributes};
use transfer::{Store, decode_listed_key};

use crate::inventory::Inventory;
use crate::{Cursor, Entry, Error, Origin, Page};

/// The objects of a bucket in a stable order.
#[derive(Debug)]
pub enum Listing {
    /// The keys come from `ListObjectsV2`.
    Bucket(Box<Store>, Origin),
    /// The keys come from an S3 Inventory of the bucket.
    Inventory(Box<Inventory>),
}

impl Listing {
    /// Opens the origin. The files of an inventory are downloaded to a temporary folder, one at a time.
    ///
    /// # Errors
    /// The inventory cannot be read, is not in CSV format, or has no column `Key`.
    pub async fn open(store: &Store, origin: Origin) -> Result<Self, Error> {
        match origin.inventory.clone() {
            None => Ok(Self::Bucket(Box::new(store.clone()), origin)),
            Some((bucket, key)) => {
                let inventory = Inventory::open(store.client(), origin, &bucket, &key).await?;
                Ok(Self::Inventory(Box::new(inventory)))
            }
        }
    }

    /// Returns the page that starts at the cursor, or `None` at the end.
    ///
    /// # Errors
    /// The request to list the bucket failed, or a file of the inventory is damaged.
    pub async fn page(&mut self, cursor: &Cursor) -> Result<Option<Page>, Error> {
        match (self, cursor) {
            (_, Cursor::End) => Ok(None),
            (Self::Inventory(inventory), cursor) => inventory.page(cursor).await.map(Some),
            (Self::Bucket(store, origin), Cursor::After(key)) => list_bucket(store, origin, Some(key)).await.map(Some),
            (Self::Bucket(store, origin), Cursor::Start | Cursor::Row(..)) => {
                list_bucket(store, origin, None).await.map(Some)
            }
        }
    }
}

/// Requests the page that starts after the key `after`. The request does not use a continuation token of S3, because
/// such a token expires after some minutes.
async fn list_bucket(store: &Store, origin: &Origin, after: Option<&String>) -> Result<Page, Error> {
    let Origin { bucket, prefix, .. } = origin;
    let request = |client: Client| {
        let request = client.list_objects_v2().bucket(bucket).prefix(prefix).set_start_after(after.cloned());
        let request = request.optional_object_attributes(OptionalObjectAttributes::RestoreStatus);
        request.encoding_type(EncodingType::Url).send()
    };
    let listed = store.send(bucket, request).await.map_err(|error| {
        let needed = format!("s3:ListBucket on the bucket {bucket}");
        Error::service(format!("list s3://{bucket}/{prefix}"), &needed, &error)
    })?;
    let encoding = listed.encoding_type.as_ref();
    let entries: Vec<Entry> = listed
        .contents
        .unwrap_or_default()
        .into_iter()
        .filter_map(|object| {
            let is_archived = is_archived(&object);
            Some(Entry {
                key: decode_listed_key(object.key?, encoding),
                bytes: object.size.and_then(|size| u64::try_from(size).ok()).unwrap_or_default(),
                etag: object.e_tag.map(|etag| etag.trim_matches('"').to_owned()),
                is_archived,
            })
        })
        .collect();
    let next = match entries.last() {
        Some(last) if listed.is_truncated == Some(true) => Cursor::After(last.key.clone()),
        _ => Cursor::End,
    };
    Ok(Page { entries, next })
}

/// Whether the object must be restored before it can be read, according to its storage class and restore status.
/// `GLACIER_IR` can be read without a restore. A listing does not show whether an object is in an archive tier of
/// `INTELLIGENT_TIERING`. The function detects this when it reads the object.
fn is_archived(object: &Object) -> bool {
    let class = object.storage_class.as_ref();
    let is_archive = matches!(class, Some(ObjectStorageClass::Glacier | ObjectStorageClass::DeepArchive));
    let restore = object.restore_status.as_ref();
    let is_restored = restore
        .is_some_and(|restore| restore.is_restore_in_progress != Some(true) && restore.restore_expiry_date.is_some());
    is_archive && !is_restored
}
