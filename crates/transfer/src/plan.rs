use std::num::NonZeroUsize;

use model::{Limits, Recipe};
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::Layout;

/// How jobs are done: the same for every job of a program's run.
#[derive(Debug, Clone)]
pub struct Plan {
    /// What is made of a picture.
    pub recipe: Recipe,
    /// What one picture may take.
    pub limits: Limits,
    /// Where variants go.
    pub layout: Layout,
    /// How they are stored.
    pub storing: Storing,
    /// Threads that one conversion may use.
    pub threads: NonZeroUsize,
}

/// How variants are stored.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Storing {
    /// The variants' Cache-Control header; the source's own where none is named.
    pub cache_control: Option<String>,
    /// Whether a variant is stored that came out larger than its source.
    pub keep_larger: bool,
}

impl Plan {
    /// 16 hexadecimal digits that tell whether a stored variant was made and stored as this plan would: a digest of the
    /// recipe and of how it is stored. Limits and threads change nothing about the result.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        // Plain structs without maps always serialise, and to the same text each time.
        let text = serde_json::json!([self.recipe, self.storing]).to_string();
        let number = Sha256::digest(text).iter().take(8).fold(0, |number, &byte| number << 8 | u64::from(byte));
        format!("{number:016x}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_changes_with_what_is_made_and_with_nothing_else() {
        let plan = Plan {
            recipe: Recipe::default(),
            limits: Limits::default(),
            layout: Layout::default(),
            storing: Storing::default(),
            threads: NonZeroUsize::MIN,
        };
        let same = Plan { limits: Limits { bytes: 1, ..plan.limits }, ..plan.clone() };
        assert_eq!((plan.fingerprint().len(), same.fingerprint()), (16, plan.fingerprint()));
        let recipe = Recipe { quality: "61".parse().unwrap(), ..Recipe::default() };
        let other = Plan { recipe, ..plan.clone() };
        assert_ne!(other.fingerprint(), plan.fingerprint());
    }
}
