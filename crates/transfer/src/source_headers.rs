//! The headers and user metadata that are copied from a source to its outputs.

use std::collections::{BTreeMap, HashMap};

use aws_sdk_s3::operation::get_object::GetObjectOutput;

use crate::provenance::is_provenance_name;

/// The limit of S3 on the names and values of an object's user metadata, in bytes (Amazon S3 user guide, "Working with
/// object metadata").
const MAX_METADATA_BYTES: usize = 2048;

/// The copied headers and user metadata of a source. The access control list is never copied.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct SourceHeaders {
    pub(crate) cache_control: Option<String>,
    pub(crate) content_disposition: Option<String>,
    pub(crate) content_language: Option<String>,
    /// The text of the header, which may be an invalid date.
    pub(crate) expires: Option<String>,
    /// The user metadata, sorted by name, so that every conversion omits the same names.
    metadata: BTreeMap<String, String>,
}

impl SourceHeaders {
    pub(crate) fn from_response(source: GetObjectOutput) -> Self {
        Self {
            cache_control: source.cache_control,
            content_disposition: source.content_disposition,
            content_language: source.content_language,
            expires: source.expires_string,
            metadata: source.metadata.unwrap_or_default().into_iter().collect(),
        }
    }

    /// Returns the user metadata of an output: its provenance, and as much of the source's metadata as fits into the
    /// limit. Provenance names in the source's metadata are not copied, because they would be wrong for the output.
    pub(crate) fn output_metadata(&self, provenance: HashMap<String, String>) -> HashMap<String, String> {
        let size = |name: &str, value: &str| name.len() + value.len();
        let mut left =
            MAX_METADATA_BYTES.saturating_sub(provenance.iter().map(|(name, value)| size(name, value)).sum());
        let mut metadata = provenance;
        for (name, value) in self.metadata.iter().filter(|(name, _)| !is_provenance_name(name)) {
            if size(name, value) <= left && is_valid_header(name, value) {
                left -= size(name, value);
                metadata.insert(name.clone(), value.clone());
            }
        }
        metadata
    }

    /// Returns the names of the source's metadata that are not in `output_metadata`, because they exceed the limit or
    /// are not valid headers.
    pub(crate) fn omitted_names(&self, output_metadata: &HashMap<String, String>) -> Vec<&str> {
        let names = self.metadata.keys();
        let omitted = names.filter(|name| !is_provenance_name(name) && !output_metadata.contains_key(*name));
        omitted.map(String::as_str).collect()
    }
}

/// Whether the name contains only token characters, and the value only visible ASCII characters (RFC 9110, section 5).
/// A source may have other metadata, but S3 rejects a write that contains it.
fn is_valid_header(name: &str, value: &str) -> bool {
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    name.bytes().all(is_token) && value.bytes().all(|byte| matches!(byte, b'\t' | b' '..=b'~'))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn headers(metadata: &[(&str, &str)]) -> SourceHeaders {
        let metadata = metadata.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect();
        SourceHeaders { metadata, ..SourceHeaders::default() }
    }

    fn provenance() -> HashMap<String, String> {
        HashMap::from([("avif-recipe".into(), "0123456789abcdef".into())])
    }

    #[test]
    fn provenance_names_of_the_source_are_not_copied() {
        let source = headers(&[("avif-recipe", "forged"), ("avif-sha256", "forged"), ("camera", "Leica M6")]);
        let metadata = source.output_metadata(provenance());
        assert_eq!(metadata["avif-recipe"], "0123456789abcdef");
        assert_eq!((metadata.len(), metadata["camera"].as_str()), (2, "Leica M6"));
    }

    #[test]
    fn metadata_with_invalid_header_characters_is_not_copied() {
        let source = headers(&[("a", "1\r\nx-amz-acl: public-read"), ("b\r\nc", "1"), ("d", "naïve"), ("e", "fine")]);
        let mut names: Vec<_> = source.output_metadata(provenance()).into_keys().collect();
        names.sort();
        assert_eq!(names, ["avif-recipe", "e"]);
    }

    proptest! {
        #[test]
        fn metadata_never_exceeds_the_limit_of_s3(pairs in proptest::collection::vec(("[a-z]{1,40}", "[ -~]{0,900}"), 0..12)) {
            let source = SourceHeaders { metadata: pairs.into_iter().collect(), ..SourceHeaders::default() };
            let metadata = source.output_metadata(provenance());
            let size: usize = metadata.iter().map(|(name, value)| name.len() + value.len()).sum();
            prop_assert!(size <= MAX_METADATA_BYTES);
        }
    }
}
