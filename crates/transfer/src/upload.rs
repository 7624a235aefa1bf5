use std::collections::HashMap;

use aws_sdk_s3::primitives::ByteStream;
use bytes::Bytes;
use convert::Variant;
use futures_util::future::try_join_all;
use model::{Fate, Location, VariantReport};

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
        if fate == Fate::Stored {
            put(store, &report.at, Bytes::from_owner(bytes), headers).await?;
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
