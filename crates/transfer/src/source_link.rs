//! Links to sources: presigned URLs, for clients that do not get a variant.

use std::time::Duration;

use aws_sdk_s3::presigning::PresigningConfig;
use model::{Location, OutputFormat, error_chain};

use crate::fetch::look_up_source;
use crate::operation::{Operation, service_error_message};
use crate::{Error, Store};

/// The time during which a presigned URL is valid. Clients follow a redirect at once.
const VALIDITY: Duration = Duration::from_mins(5);

/// The media types of sources that all browsers show, and the extensions of their keys.
const SHOWN: [(&str, &[&str]); 4] = [
    ("image/jpeg", &[".jpg", ".jpeg", ".jpe", ".jfif"]),
    ("image/png", &[".png"]),
    ("image/gif", &[".gif"]),
    ("image/webp", &[".webp"]),
];

/// The result of a request for a source itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SourceLink {
    /// The presigned URL.
    Url(String),
    /// The source exists, but not all browsers show its format.
    NotShown,
    /// The source does not exist.
    Absent,
    /// A request to S3 failed.
    Failed {
        /// The reason, on one line.
        reason: String,
    },
}

/// Returns a presigned URL of a source, if browsers show its format. S3 then returns the source with the media type of its
/// format, regardless of its own `Content-Type`, which may be `text/html`.
pub async fn link_to_source(store: &Store, source: &Location) -> SourceLink {
    let link = async {
        let Some((_, content_type)) = look_up_source(store, source).await? else { return Ok(SourceLink::Absent) };
        match shown_media_type(&source.key, content_type.as_deref()) {
            Some(media_type) => presign(store, source, media_type).await.map(SourceLink::Url),
            None => Ok(SourceLink::NotShown),
        }
    };
    link.await.unwrap_or_else(|error: Error| SourceLink::Failed { reason: error_chain(&error) })
}

/// Returns a presigned URL of a variant.
///
/// # Errors
/// The credentials of the function cannot be read.
pub async fn link_to_variant(store: &Store, at: &Location, format: OutputFormat) -> Result<String, Error> {
    presign(store, at, format.media_type()).await
}

/// Returns the media type of a source whose format all browsers show. The `Content-Type` decides. If it is not the type of an
/// image, the extension of the key decides, because many programs upload images without a type.
pub(crate) fn shown_media_type(key: &str, content_type: Option<&str>) -> Option<&'static str> {
    let declared = content_type.and_then(|text| text.split(';').next()).map(|text| text.trim().to_ascii_lowercase());
    if let Some(declared) = declared.filter(|declared| declared.starts_with("image/")) {
        let declared = if declared == "image/jpg" { "image/jpeg" } else { declared.as_str() };
        return SHOWN.iter().map(|(media_type, _)| *media_type).find(|media_type| *media_type == declared);
    }
    let key = key.to_ascii_lowercase();
    let has_extension = |extensions: &[&str]| extensions.iter().any(|extension| key.ends_with(extension));
    SHOWN.iter().find(|(_, extensions)| has_extension(extensions)).map(|(media_type, _)| *media_type)
}

/// Signs the request of a client for an object. This sends no request. The URL becomes invalid earlier if the credentials of the
/// function expire.
async fn presign(store: &Store, at: &Location, media_type: &str) -> Result<String, Error> {
    let operation = Operation::GetObject;
    let validity = PresigningConfig::expires_in(VALIDITY)
        .map_err(|error| Error::storage_with(operation, at, error_chain(&error)))?;
    let request = |client: aws_sdk_s3::Client| {
        let request = client.get_object().bucket(&at.bucket).key(&at.key);
        let request = request.response_content_type(media_type).response_content_disposition("inline");
        let validity = validity.clone();
        async move { request.presigned(validity).await }
    };
    let signed = store.send(&at.bucket, request).await;
    signed
        .map(|request| request.uri().to_owned())
        .map_err(|error| Error::storage_with(operation, at, service_error_message(&error)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_type_or_extension_decides_whether_browsers_show_a_source() {
        for (key, content_type, expected) in [
            ("a", Some("image/png"), Some("image/png")),
            ("a.tif", Some("Image/JPEG; q=1"), Some("image/jpeg")),
            ("a", Some("image/jpg"), Some("image/jpeg")),
            ("a.jpg", Some("image/heic"), None),
            ("a.svg", Some("image/svg+xml"), None),
            ("a.JPG", Some("text/html"), Some("image/jpeg")),
            ("写真.jpeg", None, Some("image/jpeg")),
            ("a.gif", Some("binary/octet-stream"), Some("image/gif")),
            ("a.heic", Some("binary/octet-stream"), None),
            ("jpg", None, None),
        ] {
            assert_eq!(shown_media_type(key, content_type), expected, "{key} {content_type:?}");
        }
    }
}
