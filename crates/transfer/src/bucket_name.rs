use std::fmt;
use std::str::FromStr;

use serde::Serialize;
use thiserror::Error;

/// A bucket's name, or the alias of an access point, as S3 allows it (Amazon S3 user guide, "General purpose bucket naming
/// rules").
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BucketName(String);

/// The text cannot be a bucket's name.
#[derive(Debug, Error, PartialEq, Eq)]
#[error(
    "{text:?} cannot be a bucket's name: {fault}; name the bucket alone, or the alias of an access point, without s3:// or a prefix (AVIF_OUTPUT_PREFIX)"
)]
pub struct InvalidBucketName {
    text: String,
    fault: &'static str,
}

impl BucketName {
    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for BucketName {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str(&self.0)
    }
}

impl FromStr for BucketName {
    type Err = InvalidBucketName;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match fault(text) {
            Some(fault) => Err(InvalidBucketName { text: text.to_owned(), fault }),
            None => Ok(Self(text.to_owned())),
        }
    }
}

fn fault(text: &str) -> Option<&'static str> {
    let is_end = |byte: Option<&u8>| byte.is_some_and(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    let bytes = text.as_bytes();
    if text.starts_with("arn:") {
        return Some("it is an ARN");
    }
    if text.contains('/') {
        return Some("it contains a slash");
    }
    if !bytes.iter().all(|byte| is_end(Some(byte)) || matches!(byte, b'.' | b'-')) {
        return Some("it contains characters other than lowercase letters, digits, dots and hyphens");
    }
    if !(3..=63).contains(&bytes.len()) {
        return Some("it does not have 3 to 63 characters");
    }
    if !is_end(bytes.first()) || !is_end(bytes.last()) || text.contains("..") {
        return Some("it begins or ends with a dot or hyphen, or has two dots in a row");
    }
    text.parse::<std::net::Ipv4Addr>().is_ok().then_some("it is an IP address")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_s3_allows_are_taken() {
        for name in ["cdn", "amzn-s3-demo-bucket1", "example.com", "my-point-abc123-s3alias", "1.2.3", &"a".repeat(63)]
        {
            assert_eq!(name.parse::<BucketName>().map(|parsed| parsed.to_string()), Ok(name.to_owned()));
        }
    }

    #[test]
    fn text_that_cannot_be_a_name_is_refused_with_the_fault() {
        for (text, fault) in [
            ("s3://cdn", "slash"),
            ("cdn/avif", "slash"),
            ("arn:aws:s3:::cdn", "ARN"),
            ("arn:aws:s3:eu-west-1:123456789012:accesspoint/cdn", "ARN"),
            ("Photos", "lowercase"),
            ("my_bucket", "lowercase"),
            ("my bucket", "lowercase"),
            ("写真", "lowercase"),
            ("ab", "3 to 63"),
            (&"a".repeat(64), "3 to 63"),
            ("-cdn", "begins or ends"),
            ("cdn.", "begins or ends"),
            ("a..b", "two dots"),
            ("192.168.0.1", "IP address"),
        ] {
            let error = text.parse::<BucketName>().unwrap_err().to_string();
            assert!(error.contains(fault) && error.contains("without s3://"), "{text}: {error}");
        }
    }
}
