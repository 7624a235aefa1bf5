//! What there is, page by page.

use aws_sdk_s3::Client;
use aws_sdk_s3::types::{Object, ObjectStorageClass, OptionalObjectAttributes};
use serde::{Deserialize, Serialize};

use crate::Error;
use crate::inventory::Inventory;

/// Where keys come from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// The bucket with the sources.
    pub bucket: String,
    /// What their keys begin with.
    pub prefix: String,
    /// An inventory's `manifest.json`, by bucket and key. The bucket itself is listed where none is named.
    pub inventory: Option<(String, String)>,
}

/// How far a listing has come.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cursor {
    /// It was not begun.
    #[default]
    Start,
    /// Every key up to this one was seen.
    After(String),
    /// So many files of the inventory were seen, and so many rows of the next one.
    Row(usize, u64),
    /// There is no more.
    End,
}

/// One object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its key, decoded.
    pub key: String,
    /// Its size in bytes.
    pub bytes: u64,
    /// Its ETag without quotation marks, where the listing has it.
    pub etag: Option<String>,
    /// Whether it cannot be read until it is restored, as far as the listing tells.
    pub is_archived: bool,
}

/// Up to a thousand objects.
#[derive(Debug, Default)]
pub struct Page {
    /// In the listing's order.
    pub entries: Vec<Entry>,
    /// Where the next page begins.
    pub next: Cursor,
}

/// Objects in an order that stays.
#[derive(Debug)]
pub enum Listing {
    /// The bucket itself.
    Bucket(Client, Origin),
    /// An inventory of it.
    Inventory(Box<Inventory>),
}

impl Listing {
    /// The most entries of a page, which is S3's own.
    pub const PAGE: usize = 1000;

    /// Opens the origin. An inventory's files are kept in a temporary folder, one at a time.
    ///
    /// # Errors
    /// The inventory cannot be read, or is not of CSV with keys.
    pub async fn open(client: &Client, origin: Origin) -> Result<Self, Error> {
        match origin.inventory.clone() {
            None => Ok(Self::Bucket(client.clone(), origin)),
            Some((bucket, key)) => {
                let inventory = Inventory::open(client, origin, &bucket, &key).await?;
                Ok(Self::Inventory(Box::new(inventory)))
            }
        }
    }

    /// The page that begins there; nothing at the end.
    ///
    /// # Errors
    /// S3 did not list, or a file of the inventory is damaged.
    pub async fn page(&mut self, cursor: &Cursor) -> Result<Option<Page>, Error> {
        match (self, cursor) {
            (_, Cursor::End) => Ok(None),
            (Self::Inventory(inventory), cursor) => inventory.page(cursor).await.map(Some),
            (Self::Bucket(client, origin), Cursor::After(key)) => bucket(client, origin, Some(key)).await.map(Some),
            (Self::Bucket(client, origin), Cursor::Start | Cursor::Row(..)) => {
                bucket(client, origin, None).await.map(Some)
            }
        }
    }
}

/// By the last key and not by S3's token, which is good for minutes only.
async fn bucket(client: &Client, origin: &Origin, after: Option<&String>) -> Result<Page, Error> {
    let Origin { bucket, prefix, .. } = origin;
    let request = client.list_objects_v2().bucket(bucket).prefix(prefix).set_start_after(after.cloned());
    let request = request.optional_object_attributes(OptionalObjectAttributes::RestoreStatus);
    let listed = request.send().await.map_err(|error| {
        let needed = format!("s3:ListBucket on the bucket {bucket}");
        Error::service(format!("list s3://{bucket}/{prefix}"), &needed, &error)
    })?;
    let entries: Vec<Entry> = listed
        .contents
        .unwrap_or_default()
        .into_iter()
        .filter_map(|object| {
            let is_archived = is_archived(&object);
            Some(Entry {
                key: object.key?,
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

/// By its storage class, unless a restored copy can be read. `GLACIER_IR` is read at once, and an archive tier of
/// `INTELLIGENT_TIERING` is in no listing: the function finds it out.
fn is_archived(object: &Object) -> bool {
    let class = object.storage_class.as_ref();
    let is_archive = matches!(class, Some(ObjectStorageClass::Glacier | ObjectStorageClass::DeepArchive));
    let restore = object.restore_status.as_ref();
    let is_restored = restore
        .is_some_and(|restore| restore.is_restore_in_progress != Some(true) && restore.restore_expiry_date.is_some());
    is_archive && !is_restored
}
