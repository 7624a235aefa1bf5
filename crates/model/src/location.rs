use std::fmt;

use serde::{Deserialize, Serialize};

/// The bucket and key of an S3 object. The key is decoded: any UTF-8, at most 1,024 bytes.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Location {
    /// The bucket's name.
    pub bucket: String,
    /// The object's key. A leading slash is part of the key.
    pub key: String,
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "s3://{}/{}", self.bucket, self.key)
    }
}
