//! The URLs of objects.

use std::str::FromStr;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use thiserror::Error;

/// The beginning of the URLs of all objects of a bucket: an HTTP URL, or a relative path. It is empty or ends in a slash.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct BaseUrl(String);

/// The text is not a base URL.
#[derive(Debug, Error, PartialEq, Eq)]
pub(super) enum InvalidBaseUrl {
    #[error("the character {0:?} is not allowed; percent-encode it, or remove it if it begins a query or a fragment")]
    Character(char),
    #[error("expected http://HOST/…, https://HOST/… or a relative path; no other scheme is allowed")]
    Scheme,
    #[error("the host is missing; write https:// before it, or remove a slash")]
    Host,
}

/// Browsers cannot request this key below a base URL.
#[derive(Debug, Error, PartialEq, Eq)]
pub(super) enum InvalidKey {
    #[error("a key is empty")]
    Empty,
    #[error(
        "the key {0:?} contains \".\" or \"..\" between slashes, which browsers remove from URLs; rename the source"
    )]
    DotSegment(String),
}

/// The characters of a key that a URL contains unchanged: the unreserved characters of RFC 3986, and the slash. All
/// others are percent-encoded, also those that RFC 3986 allows: a comma separates the URLs of `srcset`, and a colon ends a
/// scheme.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'/');
/// The other characters of a base URL: those of RFC 3986, without the comma, `?` and `#`.
const BASE_CHARACTERS: &str = "-._~/%:@!$&'()*+;=[]";

impl BaseUrl {
    /// Returns the URL of an object.
    pub(super) fn join(&self, key: &str) -> Result<String, InvalidKey> {
        if key.is_empty() {
            return Err(InvalidKey::Empty);
        }
        if key.split('/').any(|segment| segment == "." || segment == "..") {
            return Err(InvalidKey::DotSegment(key.to_owned()));
        }
        // A URL that begins with two slashes begins with a host. So a dot segment comes first if the key begins with a
        // slash.
        let base = match (self.0.as_str(), key.starts_with('/')) {
            ("", true) => "./",
            ("/", true) => "/./",
            (base, _) => base,
        };
        Ok(format!("{base}{}", utf8_percent_encode(key, ENCODED)))
    }
}

impl FromStr for BaseUrl {
    type Err = InvalidBaseUrl;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_allowed = |character: char| character.is_ascii_alphanumeric() || BASE_CHARACTERS.contains(character);
        if let Some(character) = text.chars().find(|character| !is_allowed(*character)) {
            return Err(InvalidBaseUrl::Character(character));
        }
        let lower = text.to_ascii_lowercase();
        let first_segment = text.split('/').next().unwrap_or_default();
        match lower.strip_prefix("https://").or_else(|| lower.strip_prefix("http://")) {
            Some(rest) if rest.is_empty() || rest.starts_with([':', '/']) => Err(InvalidBaseUrl::Host),
            None if text.starts_with("//") => Err(InvalidBaseUrl::Host),
            None if first_segment.contains(':') => Err(InvalidBaseUrl::Scheme),
            Some(_) | None => {
                let slash = if text.is_empty() || text.ends_with('/') { "" } else { "/" };
                Ok(Self(format!("{text}{slash}")))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(base: &str, key: &str) -> String {
        base.parse::<BaseUrl>().unwrap().join(key).unwrap()
    }

    #[test]
    fn key_is_appended_to_the_base_url() {
        assert_eq!(url("", "a/b.jpg"), "a/b.jpg");
        assert_eq!(url("/", "a.jpg"), "/a.jpg");
        assert_eq!(url("../images", "a.jpg"), "../images/a.jpg");
        assert_eq!(url("https://cdn.example", "a.jpg"), "https://cdn.example/a.jpg");
        assert_eq!(url("HTTP://cdn.example:8080/a%20b/", "a.jpg"), "HTTP://cdn.example:8080/a%20b/a.jpg");
    }

    #[test]
    fn all_characters_that_have_a_meaning_in_a_url_or_in_html_are_encoded() {
        let key = "写真 1+2%,?#&\"'<>\\:;=@\t\n.jpg";
        let expected = "%E5%86%99%E7%9C%9F%201%2B2%25%2C%3F%23%26%22%27%3C%3E%5C%3A%3B%3D%40%09%0A.jpg";
        assert_eq!(url("", key), expected);
        assert_eq!(url("", "javascript:alert(1)"), "javascript%3Aalert%281%29");
    }

    #[test]
    fn leading_slash_of_a_key_does_not_begin_a_host() {
        assert_eq!(url("", "/a.jpg"), ".//a.jpg");
        assert_eq!(url("", "//evil.example/a.jpg"), ".///evil.example/a.jpg");
        assert_eq!(url("/", "/evil.example/a.jpg"), "/.//evil.example/a.jpg");
        assert_eq!(url("/cdn", "/a.jpg"), "/cdn//a.jpg");
    }

    #[test]
    fn key_with_a_dot_segment_is_reported() {
        for key in ["..", "a/../b", "./a", "a/."] {
            assert_eq!(BaseUrl::default().join(key), Err(InvalidKey::DotSegment(key.into())));
        }
        assert_eq!(BaseUrl::default().join(""), Err(InvalidKey::Empty));
        assert_eq!(url("", "a/.../..b.jpg"), "a/.../..b.jpg");
    }

    #[test]
    fn only_http_urls_and_relative_paths_are_base_urls() {
        let error = |base: &str| base.parse::<BaseUrl>().unwrap_err();
        for base in ["javascript:alert(1)//", "JavaScript:x", "data:image/png;base64/", "ftp://a/", "https:a", "s3://a"]
        {
            assert_eq!(error(base), InvalidBaseUrl::Scheme, "{base}");
        }
        for base in ["//evil.example", "https://", "http:///a", "https://:80/"] {
            assert_eq!(error(base), InvalidBaseUrl::Host, "{base}");
        }
        for (base, character) in
            [("/\\evil.example", '\\'), ("java\tscript:x", '\t'), (" a", ' '), ("a?b", '?'), ("a#b", '#'), ("a,b", ',')]
        {
            assert_eq!(error(base), InvalidBaseUrl::Character(character), "{base}");
        }
        assert_eq!(error("https://a/\"><script>"), InvalidBaseUrl::Character('"'));
    }
}
