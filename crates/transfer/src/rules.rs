//! Rules: which sources are converted with another recipe, or not at all.

use model::Location;
use serde::Serialize;

use crate::{Plan, Role};

/// One rule. The first rule that matches the key of a source decides.
#[derive(Debug, Clone)]
pub struct Rule {
    /// The name in reports and errors, such as `AVIF_RULES[0]`.
    pub name: String,
    /// Which sources the rule matches.
    pub keys: KeyPattern,
    /// What happens to the sources.
    pub effect: RuleEffect,
}

/// What a rule does with the sources that it matches.
#[derive(Debug, Clone)]
pub enum RuleEffect {
    /// They are not converted. Variants that are already stored stay.
    Skip,
    /// They are converted with this plan. The rules of this plan are not used.
    Convert(Box<Plan>),
}

/// A pattern of keys. An empty prefix or suffix matches every key.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct KeyPattern {
    /// The beginning of the key.
    pub prefix: String,
    /// The end of the key, in upper or lower case.
    pub suffix: String,
}

impl KeyPattern {
    /// Whether the pattern matches this key.
    #[must_use]
    pub fn matches(&self, key: &str) -> bool {
        key.starts_with(&self.prefix) && ends_with_ignoring_case(key, &self.suffix)
    }

    /// Whether this pattern matches every key that the other one matches.
    #[must_use]
    pub fn contains(&self, other: &Self) -> bool {
        other.prefix.starts_with(&self.prefix) && ends_with_ignoring_case(&other.suffix, &self.suffix)
    }
}

fn ends_with_ignoring_case(text: &str, suffix: &str) -> bool {
    let (text, suffix) = (text.as_bytes(), suffix.as_bytes());
    text.len() >= suffix.len() && text[text.len() - suffix.len()..].eq_ignore_ascii_case(suffix)
}

impl Plan {
    /// Returns the rule for a source: the first one that matches its key. Outputs and folders have none.
    #[must_use]
    pub fn rule_for(&self, source: &Location) -> Option<&Rule> {
        let is_source = Role::of(source) == Role::Source;
        self.rules.iter().find(|rule| is_source && rule.keys.matches(&source.key))
    }

    /// Returns the name of the rule for a source, as reports contain it.
    #[must_use]
    pub fn rule_name(&self, source: &Location) -> Option<String> {
        self.rule_for(source).map(|rule| rule.name.clone())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn pattern(prefix: &str, suffix: &str) -> KeyPattern {
        KeyPattern { prefix: prefix.into(), suffix: suffix.into() }
    }

    #[test]
    fn pattern_matches_prefix_and_suffix() {
        let photos = pattern("photos/", ".jpg");
        for (key, is_match) in [
            ("photos/a.jpg", true),
            ("photos/2026/写真.JPG", true),
            ("Photos/a.jpg", false),
            ("a/photos/a.jpg", false),
            ("photos/a.jpeg", false),
            ("photos/.jpg", true),
        ] {
            assert_eq!(photos.matches(key), is_match, "{key}");
        }
        assert!(pattern("", "").matches("") && pattern("a", "a").matches("a") && !pattern("", "真").matches("a"));
    }

    proptest! {
        #[test]
        fn pattern_that_contains_another_one_matches_all_of_its_keys(
            prefix in "[ab]{0,2}", suffix in "[abB]{0,2}", other_prefix in "[ab]{0,2}", other_suffix in "[abB]{0,2}",
            key in "[abB]{0,6}",
        ) {
            let (one, other) = (pattern(&prefix, &suffix), pattern(&other_prefix, &other_suffix));
            prop_assert!(!(one.contains(&other) && other.matches(&key)) || one.matches(&key));
        }
    }
}
