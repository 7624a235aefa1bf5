use std::fmt;

use crate::native;

/// The libavif this program runs on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Library {
    /// Its version, `1.4.2` say.
    pub version: String,
    /// Its codecs and their versions, in libavif's words: `aom [enc/dec]:3.14.1, svt [enc]:4.2.0`.
    pub codecs: String,
    /// Whether it was compiled into this program or found on the system.
    pub bundled: bool,
}

/// Asks libavif what it is.
#[must_use]
pub fn library() -> Library {
    Library { version: native::version(), codecs: native::codec_versions(), bundled: cfg!(not(feature = "system")) }
}

impl fmt::Display for Library {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let origin = if self.bundled { "bundled" } else { "system" };
        write!(f, "libavif {} ({origin}; {})", self.version, self.codecs)
    }
}
