//! Whether the variants that are stored are those that would be made.

use std::collections::HashMap;

use aws_sdk_s3::operation::head_object::HeadObjectError;
use futures_util::future::try_join_all;
use model::{Location, Source};

use crate::store::failed;
use crate::{Error, Plan, Store};

/// Names of the user metadata that a variant carries.
const SOURCE_ETAG: &str = "avif-source-etag";
const RECIPE: &str = "avif-recipe";
const TOOL: &str = "avif-tool";

/// What a variant says about its making. Says nothing where the source's state is unknown.
pub(crate) fn mark(etag: Option<&str>, plan: &Plan) -> HashMap<String, String> {
    let tool = concat!("avif-lambda/", env!("CARGO_PKG_VERSION")).to_owned();
    let etag = etag.map(|etag| (SOURCE_ETAG.to_owned(), etag.to_owned()));
    [(RECIPE.to_owned(), plan.fingerprint()), (TOOL.to_owned(), tool)].into_iter().chain(etag).collect()
}

/// Whether all of these places hold variants of exactly this source, made as planned.
pub(crate) async fn are_fresh(store: &Store, source: &Source, places: &[Location], plan: &Plan) -> Result<bool, Error> {
    let Some(etag) = source.etag.as_deref() else { return Ok(false) };
    let fingerprint = plan.fingerprint();
    let stored = try_join_all(places.iter().map(|at| metadata(store, at))).await?;
    Ok(stored.iter().all(|metadata| {
        metadata.as_ref().is_some_and(|metadata| {
            metadata.get(SOURCE_ETAG).map(String::as_str) == Some(etag) && metadata.get(RECIPE) == Some(&fingerprint)
        })
    }))
}

/// Whether an object is there and says that it was made here.
pub(crate) async fn is_ours(store: &Store, at: &Location) -> Result<bool, Error> {
    Ok(metadata(store, at).await?.is_some_and(|metadata| metadata.contains_key(RECIPE)))
}

/// An object's user metadata, where there is such an object.
async fn metadata(store: &Store, at: &Location) -> Result<Option<HashMap<String, String>>, Error> {
    match store.client.head_object().bucket(&at.bucket).key(&at.key).send().await {
        Ok(head) => Ok(Some(head.metadata.unwrap_or_default())),
        Err(error) => match error.as_service_error() {
            Some(HeadObjectError::NotFound(_)) => Ok(None),
            // A HEAD has no body to say more. Without s3:ListBucket a missing key is forbidden; so is one we may not
            // read, and then writing it will say so.
            _ if error.raw_response().is_some_and(|response| response.status().as_u16() == 403) => Ok(None),
            _ => Err(failed("look up", at, &error)),
        },
    }
}
