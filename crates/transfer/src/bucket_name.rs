use std::fmt;
use std::str::FromStr;

use serde::Serialize;
use thiserror::Error;

/// A valid bucket name or access point alias (Amazon S3 user guide, "General purpose bucket naming rules").
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BucketName(String);

/// The text is not a valid bucket name.
#[derive(Debug, Error, PartialEq, Eq)]
#[error(
    "{text:?} is not a valid bucket name: {problem}; use only the bucket name or the access point alias, without s3:// \
     and without a prefix (AVIF_OUTPUT_PREFIX)"
)]
pub struct InvalidBucketName {
    text: String,
    problem: &'static str,
}

impl BucketName {
    /// Returns the name.
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
        match find_problem(text) {
            Some(problem) => Err(InvalidBucketName { text: text.to_owned(), problem }),
            None => Ok(Self(text.to_owned())),
        }
    }
}

fn find_problem(text: &str) -> Option<&'static str> {
    let is_letter_or_digit =
        |byte: Option<&u8>| byte.is_some_and(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    let bytes = text.as_bytes();
    if text.starts_with("arn:") {
        return Some("it is an ARN");
    }
    if text.contains('/') {
        return Some("it contains a slash");
    }
    if !bytes.iter().all(|byte| is_letter_or_digit(Some(byte)) || matches!(byte, b'.' | b'-')) {
        return Some("it contains characters other than lowercase letters, digits, dots and hyphens");
    }
    if !(3..=63).contains(&bytes.len()) {
        return Some("it does not have 3 to 63 characters");
    }
    if !is_letter_or_digit(bytes.first()) || !is_letter_or_digit(bytes.last()) || text.contains("..") {
        return Some("it begins or ends with a dot or hyphen, or has two dots in a row");
    }
    text.parse::<std::net::Ipv4Addr>().is_ok().then_some("it is an IP address")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn valid_bucket_name_is_accepted() {
        for name in ["cdn", "amzn-s3-demo-bucket1", "example.com", "my-point-abc123-s3alias", "1.2.3", &"a".repeat(63)]
        {
            assert_eq!(name.parse::<BucketName>().map(|parsed| parsed.to_string()), Ok(name.to_owned()));
        }
    }

    #[test]
    fn invalid_bucket_name_is_rejected_with_the_problem() {
        for (text, problem) in [
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
            assert!(error.contains(problem) && error.contains("without s3://"), "{text}: {error}");
        }
    }
}
