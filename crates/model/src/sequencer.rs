use std::cmp::Ordering;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// The sequencer of an S3 event: hexadecimal text that orders the events of one key. To compare two sequencers, the
/// shorter sequencer is padded with zeros on its right, and then both are compared as text (Amazon S3 user guide,
/// "Event message structure"). Sequencers of different keys cannot be compared.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Sequencer(String);

/// The text is not a sequencer.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("sequencer {0:?} is not hexadecimal")]
pub struct InvalidSequencer(String);

impl FromStr for Sequencer {
    type Err = InvalidSequencer;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(InvalidSequencer(text.to_owned()));
        }
        Ok(Self(text.to_ascii_uppercase()))
    }
}

impl TryFrom<String> for Sequencer {
    type Error = InvalidSequencer;

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
        // The comparison removes trailing zeros instead of padding with zeros, because this needs no copy. The order is
        // the same, because a text that is a prefix of another text is smaller, and 0 is the smallest digit.
        self.0.trim_end_matches('0').cmp(other.0.trim_end_matches('0'))
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
        fn shorter_sequencer_is_padded_with_zeros_on_the_right(ours in "[0-9A-F]{1,24}", theirs in "[0-9A-F]{1,24}") {
            let length = ours.len().max(theirs.len());
            let expected = format!("{ours:0<length$}").cmp(&format!("{theirs:0<length$}"));
            let [ours, theirs] = [ours, theirs].map(|text| text.parse::<Sequencer>().unwrap());
            prop_assert_eq!(ours.cmp(&theirs), expected);
        }

        #[test]
        fn case_of_the_digits_does_not_change_the_order(text in "[0-9A-Fa-f]{1,24}") {
            let upper: Sequencer = text.to_ascii_uppercase().parse().unwrap();
            prop_assert_eq!(text.to_ascii_lowercase().parse::<Sequencer>().unwrap(), upper);
        }
    }

    #[test]
    fn shorter_sequencer_can_be_newer() {
        let [older, newer] =
            ["0055AED6DCD90281E5AB", "0055AED6DCD90281E6"].map(|text| text.parse::<Sequencer>().unwrap());
        assert!(older < newer);
    }

    #[test]
    fn non_hexadecimal_sequencer_is_rejected() {
        assert_eq!("00zz".parse::<Sequencer>(), Err(InvalidSequencer("00zz".into())));
        assert!("".parse::<Sequencer>().is_err());
    }
}
