use std::collections::HashMap;

use aws_sdk_s3::primitives::ByteStream;
use bytes::Bytes;
use convert::Variant;
use futures_util::future::try_join_all;
use model::{Fate, Location, VariantReport};

use crate::freshness::is_ours;
use crate::store::failed;
use crate::{Error, Store};

/// What every variant of one source is stored with.
pub(crate) struct Headers {
    pub(crate) cache_control: Option<String>,
    pub(crate) metadata: HashMap<String, String>,
}

/// Stores the variants whose fate it is, all at once, and reports on each.
pub(crate) async fn upload(
    store: &Store,
    variants: Vec<(Variant, Location, Fate)>,
    headers: &Headers,
) -> Result<Vec<VariantReport>, Error> {
    try_join_all(variants.into_iter().map(|(variant, at, fate)| async move {
        let Variant { asked, width, height, bytes } = variant;
        let report = VariantReport { asked, at, width, height, bytes: bytes.len() as u64, fate };
        match fate {
            Fate::Stored => put(store, &report.at, Bytes::from_owner(bytes), headers).await?,
            Fate::Larger => remove_ours(store, &report.at).await?,
        }
        Ok(report)
    }))
    .await
}

async fn put(store: &Store, at: &Location, body: Bytes, headers: &Headers) -> Result<(), Error> {
    let request = store.client.put_object().bucket(&at.bucket).key(&at.key);
    request
        .content_type("image/avif")
        .set_cache_control(headers.cache_control.clone())
        .set_metadata(Some(headers.metadata.clone()))
        .body(ByteStream::from(body))
        .send()
        .await
        .map_err(|error| failed("write", at, &error))?;
    Ok(())
}

/// Removes the variant of an earlier source where there is one: with nothing in its place, it would pass for this one's.
async fn remove_ours(store: &Store, at: &Location) -> Result<(), Error> {
    if !is_ours(store, at).await? {
        return Ok(());
    }
    let request = store.client.delete_object().bucket(&at.bucket).key(&at.key);
    request.send().await.map_err(|error| failed("remove", at, &error))?;
    Ok(())
}
