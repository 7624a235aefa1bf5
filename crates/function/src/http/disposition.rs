//! The `Content-Disposition` header (RFC 6266).

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// The characters that are percent-encoded in an extended value: all except `attr-char` (RFC 8187, section 3.2.1).
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
/// The maximum number of characters of a file name. Most file systems allow 255 bytes.
const MAX_CHARACTERS: usize = 60;

/// Returns the header for a variant with this key. A browser shows the image, and saves it with the last part of the key as its
/// name. The header contains only ASCII characters.
pub(super) fn inline(key: &str) -> String {
    let last = key.rsplit('/').next().unwrap_or_default();
    // The end of the name is the extension.
    let excess = last.chars().count().saturating_sub(MAX_CHARACTERS);
    let name: String = last.chars().skip(excess).collect();
    let is_safe = |character: char| character.is_ascii_alphanumeric() || matches!(character, '-' | '.' | '_');
    let ascii: String = name.chars().map(|character| if is_safe(character) { character } else { '_' }).collect();
    if ascii == name {
        return format!("inline; filename=\"{ascii}\"");
    }
    format!("inline; filename=\"{ascii}\"; filename*=UTF-8''{}", utf8_percent_encode(&name, ENCODED))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn file_name_is_the_last_part_of_the_key() {
        assert_eq!(inline("photos/a.jpg.w640.avif"), "inline; filename=\"a.jpg.w640.avif\"");
        assert_eq!(
            inline("photos/写 \".jpg.avif"),
            "inline; filename=\"___.jpg.avif\"; filename*=UTF-8''%E5%86%99%20%22.jpg.avif"
        );
        assert_eq!(
            inline(&format!("{}.avif", "k".repeat(100))),
            format!("inline; filename=\"{}.avif\"", "k".repeat(55))
        );
    }

    proptest! {
        #[test]
        fn key_cannot_add_a_header_or_a_parameter(key in any::<String>()) {
            let header = inline(&key);
            prop_assert!(header.bytes().all(|byte| matches!(byte, b' '..=b'~')), "{}", header);
            prop_assert_eq!(header.matches('"').count(), 2);
            prop_assert!(header.matches(';').count() <= 2);
        }
    }
}
