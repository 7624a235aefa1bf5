use std::fmt;

/// A supported format. The format of a file is recognized by the file's first bytes, never by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Format {
    pub(crate) name: &'static str,
    pub(crate) extensions: &'static [&'static str],
}

impl Format {
    /// The usual extensions of the format's file names, in lower case and without the dot.
    #[must_use]
    pub fn extensions(self) -> &'static [&'static str] {
        self.extensions
    }
}

impl fmt::Display for Format {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str(self.name)
    }
}
