//! The path of a request: the key of an object.

use std::borrow::Cow;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

/// The characters that are percent-encoded in the path of a URL: all except those that RFC 3986 does not reserve, and the
/// slash.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'/');

/// Returns the key in a path. `None` if the path is invalid: a wrong percent encoding, invalid UTF-8, a control character, or a
/// segment `.` or `..`, which clients and proxies remove from paths.
pub(super) fn key_of_path(path: &str, is_decoded: bool) -> Option<String> {
    let path = path.strip_prefix('/').unwrap_or(path);
    let key = if is_decoded { Cow::Borrowed(path) } else { decode(path)? };
    let is_valid = !key.chars().any(char::is_control) && !key.split('/').any(|segment| matches!(segment, "." | ".."));
    is_valid.then(|| key.into_owned())
}

/// Returns the path of a key.
pub(super) fn path_of_key(key: &str) -> String {
    format!("/{}", utf8_percent_encode(key, ENCODED))
}

/// Decodes a percent encoding. `None` if it is invalid.
pub(super) fn decode(text: &str) -> Option<Cow<'_, str>> {
    let mut parts = text.split('%').skip(1);
    let is_encoding = |part: &str| part.len() >= 2 && part.bytes().take(2).all(|byte| byte.is_ascii_hexdigit());
    if parts.all(is_encoding) { percent_decode_str(text).decode_utf8().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn path_of_a_key_is_decoded_to_the_key(key in "[^\\p{Cc}./]\\PC{0,40}") {
            prop_assume!(!key.split('/').any(|segment| matches!(segment, "." | "..")));
            let path = path_of_key(&key);
            prop_assert!(path.is_ascii() && !path.contains([' ', '?', '#', '"', '\\']));
            prop_assert_eq!(key_of_path(&path, false), Some(key));
        }
    }

    #[test]
    fn decoded_path_is_not_decoded_again() {
        assert_eq!(key_of_path("/100%25 写真.jpg", true).as_deref(), Some("100%25 写真.jpg"));
        assert_eq!(key_of_path("/100%.jpg", true).as_deref(), Some("100%.jpg"));
        for path in ["/a\r\nb", "/../a", "/a/.."] {
            assert_eq!(key_of_path(path, true), None, "{path:?}");
        }
    }
}
