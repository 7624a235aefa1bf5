use std::fmt;

use serde::{Deserialize, Serialize};

/// One object's place in S3. The key is as S3 holds it: decoded, any UTF-8, at most 1,024 bytes.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Location {
    /// The bucket's name.
    pub bucket: String,
    /// The object's key, without a leading slash of our own.
    pub key: String,
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "s3://{}/{}", self.bucket, self.key)
    }
}
