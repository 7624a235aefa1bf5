//! The settings of serving: which sources clients may request over HTTP.

use std::str::FromStr;

use environment::Reader;
use thiserror::Error;
use transfer::BucketName;

const PREFIXES: &str = "AVIF_SERVE_PREFIXES";
const BUCKET: &str = "AVIF_SERVE_BUCKET";

/// What the function serves over HTTP.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Serving {
    /// The bucket of the sources.
    pub bucket: BucketName,
    /// The sources that clients may request, and whose variants clients may request.
    pub prefixes: ServedPrefixes,
}

/// The prefixes of the keys of served sources.
///
/// ```
/// let prefixes: settings::ServedPrefixes = "photos/, logos/".parse()?;
/// assert!(prefixes.contain("photos/a.jpg") && !prefixes.contain("drafts/a.jpg"));
/// # Ok::<(), settings::InvalidServedPrefixes>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServedPrefixes(
    /// An empty prefix is in the list only if the setting is `*`.
    Vec<String>,
);

/// The text is not a list of prefixes.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum InvalidServedPrefixes {
    /// The list contains no prefix.
    #[error("the list has no prefix; write \"*\" to serve every source, or remove the setting to serve nothing")]
    Empty,
    /// `*` is one of several prefixes.
    #[error("\"*\" serves every source, so it must be the only entry")]
    NotAlone,
    /// A prefix contains `*`.
    #[error("prefix {0:?} contains \"*\", but prefixes have no wildcards; write only the beginning of the keys")]
    Wildcard(String),
}

impl ServedPrefixes {
    /// Whether the key of a source begins with one of the prefixes.
    #[must_use]
    pub fn contain(&self, key: &str) -> bool {
        self.0.iter().any(|prefix| key.starts_with(prefix))
    }
}

impl FromStr for ServedPrefixes {
    type Err = InvalidServedPrefixes;

    /// Parses a list such as `photos/,logos/`, or `*` for every key.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let entries: Vec<&str> = text.split(',').map(str::trim).filter(|entry| !entry.is_empty()).collect();
        match entries.as_slice() {
            [] => Err(InvalidServedPrefixes::Empty),
            ["*"] => Ok(Self(vec![String::new()])),
            several if several.contains(&"*") => Err(InvalidServedPrefixes::NotAlone),
            prefixes => match prefixes.iter().find(|prefix| prefix.contains('*')) {
                Some(prefix) => Err(InvalidServedPrefixes::Wildcard((*prefix).to_owned())),
                None => Ok(Self(prefixes.iter().map(|prefix| (*prefix).to_owned()).collect())),
            },
        }
    }
}

impl Serving {
    /// Reads the two settings. `None` if no prefix is set, or if a setting is invalid.
    pub(crate) fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let has = [PREFIXES, BUCKET].map(|name| reader.text(name).is_some());
        let (prefixes, bucket) = (reader.optional(PREFIXES), reader.optional(BUCKET));
        match has {
            [true, false] => reader.add_error(BUCKET, format!("it is required, because {PREFIXES} is set")),
            [false, true] => {
                reader
                    .add_error(PREFIXES, format!("it is required, because {BUCKET} is set; \"*\" serves every source"));
            }
            [true, true] | [false, false] => {}
        }
        Some(Self { bucket: bucket?, prefixes: prefixes? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Settings, SettingsError};

    fn parse(prefixes: &str, bucket: &str) -> Result<Option<Serving>, SettingsError> {
        let variables = [(PREFIXES, prefixes), (BUCKET, bucket)];
        let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
        Settings::parse(&variables.into()).map(|settings| settings.serving)
    }

    #[test]
    fn nothing_is_served_by_default() {
        assert_eq!(parse("", ""), Ok(None));
    }

    #[test]
    fn prefixes_select_the_served_sources() {
        let served = |prefixes: &str, key: &str| parse(prefixes, "photos").unwrap().unwrap().prefixes.contain(key);
        for (prefixes, key, expected) in [
            ("photos/", "photos/a.jpg", true),
            ("photos/ , logos/a,", "logos/ab.png", true),
            ("photos/", "Photos/a.jpg", false),
            ("photos/", "photos", false),
            ("photos/", "a/photos/a.jpg", false),
            ("*", "a.jpg", true),
        ] {
            assert_eq!(served(prefixes, key), expected, "{prefixes} {key}");
        }
    }

    #[test]
    fn each_mistake_is_reported() {
        for (prefixes, bucket, expected) in [
            ("photos/", "", "AVIF_SERVE_BUCKET: it is required, because AVIF_SERVE_PREFIXES is set"),
            ("", "photos", "AVIF_SERVE_PREFIXES: it is required, because AVIF_SERVE_BUCKET is set"),
            (" , ", "photos", "AVIF_SERVE_PREFIXES= , : the list has no prefix"),
            ("photos/,*", "photos", "AVIF_SERVE_PREFIXES=photos/,*: \"*\" serves every source"),
            ("photos/*", "photos", "AVIF_SERVE_PREFIXES=photos/*: prefix \"photos/*\" contains \"*\""),
            ("photos/", "s3://photos", "AVIF_SERVE_BUCKET=s3://photos: "),
        ] {
            let SettingsError(errors) = parse(prefixes, bucket).unwrap_err();
            assert!(errors.len() == 1 && errors[0].starts_with(expected), "{prefixes} {bucket}: {errors:?}");
        }
        assert_eq!(parse("*,a", "A").unwrap_err().0.len(), 2);
    }
}
