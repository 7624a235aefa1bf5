//! Parses `s3://` URLs.

use crate::Usage;

/// Splits an `s3://` URL into the bucket and the key or prefix, which may be empty.
pub(crate) fn parse(url: &str) -> Result<(String, String), Usage> {
    let rest = url.strip_prefix("s3://");
    let rest = rest.ok_or_else(|| Usage(format!("{url}: expected s3://BUCKET or s3://BUCKET/KEY")))?;
    let (bucket, key) = rest.split_once('/').unwrap_or((rest, ""));
    if bucket.is_empty() {
        return Err(Usage(format!("{url}: the bucket is missing")));
    }
    Ok((bucket.to_owned(), key.to_owned()))
}
