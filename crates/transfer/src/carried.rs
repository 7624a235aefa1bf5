//! What goes along from a source to its outputs.

use std::collections::{BTreeMap, HashMap};

use aws_sdk_s3::operation::get_object::GetObjectOutput;

use crate::mark::is_ours;

/// S3's limit on the names and values of an object's user metadata (Amazon S3 user guide, "Working with object
/// metadata").
const MOST_METADATA: usize = 2048;

/// A source's headers and user metadata. Its access control list never goes along.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Carried {
    pub(crate) cache_control: Option<String>,
    pub(crate) content_disposition: Option<String>,
    pub(crate) content_language: Option<String>,
    /// As the header says it, whether or not that is a date.
    pub(crate) expires: Option<String>,
    /// In the order of their names, so that the same ones are left out each time.
    metadata: BTreeMap<String, String>,
}

impl Carried {
    pub(crate) fn of(source: GetObjectOutput) -> Self {
        Self {
            cache_control: source.cache_control,
            content_disposition: source.content_disposition,
            content_language: source.content_language,
            expires: source.expires_string,
            metadata: source.metadata.unwrap_or_default().into_iter().collect(),
        }
    }

    /// The user metadata of an output: its mark first, then as much of the source's as S3 takes. A source's word about
    /// its own making would be a lie about the output's, so such names stay behind.
    pub(crate) fn with(&self, mark: HashMap<String, String>) -> HashMap<String, String> {
        let size = |name: &str, value: &str| name.len() + value.len();
        let mut left = MOST_METADATA.saturating_sub(mark.iter().map(|(name, value)| size(name, value)).sum());
        let mut metadata = mark;
        for (name, value) in self.metadata.iter().filter(|(name, _)| !is_ours(name)) {
            if size(name, value) <= left && is_header(name, value) {
                left -= size(name, value);
                metadata.insert(name.clone(), value.clone());
            }
        }
        metadata
    }

    /// The names that stay behind for want of room, or because no header can say them.
    pub(crate) fn left_out(&self, metadata: &HashMap<String, String>) -> Vec<&str> {
        let names = self.metadata.keys().filter(|name| !is_ours(name) && !metadata.contains_key(*name));
        names.map(String::as_str).collect()
    }
}

/// Whether it can be said in a header as it is: a name of token characters, and visible ASCII (RFC 9110, section 5).
/// What a server let in by another way would fail the whole request.
fn is_header(name: &str, value: &str) -> bool {
    let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    name.bytes().all(token) && value.bytes().all(|byte| matches!(byte, b'\t' | b' '..=b'~'))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn carried(metadata: &[(&str, &str)]) -> Carried {
        let metadata = metadata.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect();
        Carried { metadata, ..Carried::default() }
    }

    fn mark() -> HashMap<String, String> {
        HashMap::from([("avif-recipe".into(), "0123456789abcdef".into())])
    }

    #[test]
    fn what_says_that_it_was_made_here_stays_behind() {
        let source = carried(&[("avif-recipe", "forged"), ("avif-sha256", "forged"), ("camera", "Leica M6")]);
        let metadata = source.with(mark());
        assert_eq!(metadata["avif-recipe"], "0123456789abcdef");
        assert_eq!((metadata.len(), metadata["camera"].as_str()), (2, "Leica M6"));
    }

    #[test]
    fn what_would_make_another_header_stays_behind() {
        let source = carried(&[("a", "1\r\nx-amz-acl: public-read"), ("b\r\nc", "1"), ("d", "naïve"), ("e", "fine")]);
        let mut names: Vec<_> = source.with(mark()).into_keys().collect();
        names.sort();
        assert_eq!(names, ["avif-recipe", "e"]);
    }

    proptest! {
        #[test]
        fn user_metadata_never_exceeds_what_s3_takes(pairs in proptest::collection::vec(("[a-z]{1,40}", "[ -~]{0,900}"), 0..12)) {
            let source = Carried { metadata: pairs.into_iter().collect(), ..Carried::default() };
            let size: usize = source.with(mark()).iter().map(|(name, value)| name.len() + value.len()).sum();
            prop_assert!(size <= MOST_METADATA);
        }
    }
}
