use std::cmp::Ordering;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// The order of two events on one key: hexadecimal text, the shorter padded with zeros on its left before the two are
/// compared (Amazon S3 user guide, "Event message structure"). It says nothing about two different keys.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Sequencer(String);

/// The text is not a sequencer.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("sequencer {0:?} is not hexadecimal")]
pub struct BadSequencer(String);

impl FromStr for Sequencer {
    type Err = BadSequencer;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(BadSequencer(text.to_owned()));
        }
        Ok(Self(text.to_ascii_uppercase()))
    }
}

impl TryFrom<String> for Sequencer {
    type Error = BadSequencer;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Sequencer> for String {
    fn from(sequencer: Sequencer) -> Self {
        sequencer.0
    }
}

impl Ord for Sequencer {
    fn cmp(&self, other: &Self) -> Ordering {
        // Without their leading zeros, longer is later, and equal lengths compare as text.
        let (ours, theirs) = (self.0.trim_start_matches('0'), other.0.trim_start_matches('0'));
        ours.len().cmp(&theirs.len()).then_with(|| ours.cmp(theirs))
    }
}

impl PartialOrd for Sequencer {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Sequencer {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Sequencer {}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn sequencers_order_as_the_numbers_they_spell(a: u64, b: u64, pad in 0_usize..8) {
            let ours: Sequencer = format!("{}{a:X}", "0".repeat(pad)).parse().unwrap();
            let theirs: Sequencer = format!("{b:x}").parse().unwrap();
            prop_assert_eq!(ours.cmp(&theirs), a.cmp(&b));
        }
    }

    #[test]
    fn text_that_is_not_hexadecimal_is_refused() {
        assert_eq!("00zz".parse::<Sequencer>(), Err(BadSequencer("00zz".into())));
        assert!("".parse::<Sequencer>().is_err());
    }
}
