//! Types that serde reads and writes as their text.

/// Implements the conversions between a type and its text that `#[serde(try_from = "String", into = "String")]` uses. The text
/// is the one of the type's `FromStr` and `Display`.
macro_rules! convert_as_text {
    ($type:ty) => {
        impl TryFrom<String> for $type {
            type Error = <$type as std::str::FromStr>::Err;

            fn try_from(text: String) -> Result<Self, Self::Error> {
                text.parse()
            }
        }

        impl From<$type> for String {
            fn from(value: $type) -> Self {
                value.to_string()
            }
        }
    };
}

pub(crate) use convert_as_text;
