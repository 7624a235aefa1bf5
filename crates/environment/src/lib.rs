//! The environment variables of this process, and a reader that parses them.
//!
//! In: a map of names and values, from [`variables`] or from a test. Out: typed values, the names of all variables that
//! were read, and a message for each invalid value. [`Reader`] collects these messages, so that a program can report
//! all invalid variables together.
//!
//! **Architecture invariant:** this crate contains no names of variables, no defaults, and no policy for invalid
//! values. The crate `settings` returns all invalid values as an error; the crate `extension` logs each one and uses a
//! default. This is the only crate that calls `std::env::vars_os`; a lint forbids it elsewhere.

#![forbid(unsafe_code)]

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt::Display;
use std::str::FromStr;

/// Returns the environment variables of this process. A variable whose name is not UTF-8 is omitted. In a value that is
/// not UTF-8, U+FFFD replaces the invalid bytes.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "this is the only function that reads the environment")]
pub fn variables() -> BTreeMap<String, String> {
    let text =
        |(name, value): (OsString, OsString)| Some((name.into_string().ok()?, value.to_string_lossy().into_owned()));
    std::env::vars_os().filter_map(text).collect()
}

/// Parses variables one by one. The reader records the names that were read, and an error for each invalid value.
///
/// An empty variable counts as unset, because deployment tools often set an empty variable instead of no variable.
///
/// ```
/// use std::collections::BTreeMap;
///
/// let variables = BTreeMap::from([("PORT".to_owned(), "eighty".to_owned())]);
/// let mut reader = environment::Reader::new(&variables);
/// assert_eq!(reader.parsed_or("PORT", 80), 80);
/// assert_eq!(reader.optional::<u32>("TIMEOUT"), None);
/// assert_eq!(reader.names(), ["PORT", "TIMEOUT"]);
/// assert_eq!(reader.errors(), ["PORT=eighty: invalid digit found in string"]);
/// ```
#[derive(Debug)]
pub struct Reader<'variables> {
    variables: &'variables BTreeMap<String, String>,
    names: Vec<String>,
    errors: Vec<String>,
}

impl<'variables> Reader<'variables> {
    /// Creates a reader of these names and values.
    #[must_use]
    pub fn new(variables: &'variables BTreeMap<String, String>) -> Self {
        Self { variables, names: vec![], errors: vec![] }
    }

    /// Returns the text of a variable, or `None` if it is unset or empty.
    pub fn text(&mut self, name: &str) -> Option<&'variables str> {
        if !self.names.iter().any(|read| read == name) {
            self.names.push(name.to_owned());
        }
        self.variables.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// Returns the parsed value of a variable. `None` if the variable is unset or invalid; an invalid value is recorded
    /// as an error.
    pub fn optional<T: FromStr<Err: Display>>(&mut self, name: &str) -> Option<T> {
        let text = self.text(name)?;
        text.parse().map_err(|error| self.reject(name, &format!("={text}: {error}"))).ok()
    }

    /// Returns the parsed value of a variable, or the default if the variable is unset or invalid.
    pub fn parsed_or<T: FromStr<Err: Display>>(&mut self, name: &str, default: T) -> T {
        self.optional(name).unwrap_or(default)
    }

    /// Returns the parsed value of a variable, or the default of its type if the variable is unset or invalid.
    pub fn parsed_or_default<T: FromStr<Err: Display> + Default>(&mut self, name: &str) -> T {
        self.optional(name).unwrap_or_default()
    }

    /// Returns the value of a boolean variable, or the default if the variable is unset or invalid. Valid values are
    /// `true` and `false` in upper or lower case, as in the OpenTelemetry "Environment Variable Specification".
    pub fn flag_or(&mut self, name: &str, default: bool) -> bool {
        let Some(text) = self.text(name) else { return default };
        text.to_ascii_lowercase().parse().unwrap_or_else(|error| {
            self.reject(name, &format!("={text}: {error}"));
            default
        })
    }

    /// Records an error of a variable whose [text](Self::text) the caller parses itself.
    pub fn add_error(&mut self, name: &str, problem: impl Display) {
        self.reject(name, &format!(": {problem}"));
    }

    /// Records errors of a variable that contains several values. Each error begins with the name of its value.
    pub fn add_errors(&mut self, errors: impl IntoIterator<Item = String>) {
        self.errors.extend(errors);
    }

    /// Returns the names of the variables that were read, in the order of their first read.
    #[must_use]
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Returns the names of the variables that begin with this prefix and were not read.
    pub fn unread(&self, prefix: &str) -> impl Iterator<Item = &'variables str> {
        let names = self.variables.keys().map(String::as_str).filter(move |name| name.starts_with(prefix));
        names.filter(|name| !self.names.iter().any(|read| read == name))
    }

    /// Returns the recorded errors. Each error begins with the name of its variable.
    #[must_use]
    pub fn errors(&self) -> &[String] {
        &self.errors
    }

    /// Records an error. The same error is recorded only once, even if several settings read the same variable.
    fn reject(&mut self, name: &str, problem: &str) {
        let error = format!("{name}{problem}");
        if !self.errors.contains(&error) {
            self.errors.push(error);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variables(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect()
    }

    #[test]
    fn empty_variable_counts_as_unset() {
        let variables = variables(&[("A", "")]);
        let mut reader = Reader::new(&variables);
        assert_eq!((reader.text("A"), reader.parsed_or("A", 7)), (None, 7));
        assert!(reader.errors().is_empty());
    }

    #[test]
    fn each_error_is_recorded_once() {
        let variables = variables(&[("A", "x")]);
        let mut reader = Reader::new(&variables);
        for _ in 0..2 {
            assert_eq!(reader.parsed_or_default::<u8>("A"), 0);
            reader.add_error("A", "expected a number below 256");
        }
        assert_eq!(reader.errors(), ["A=x: invalid digit found in string", "A: expected a number below 256"]);
    }

    #[test]
    fn flag_is_parsed_in_upper_and_lower_case() {
        let variables = variables(&[("A", "TRUE"), ("B", "False"), ("C", "yes")]);
        let mut reader = Reader::new(&variables);
        assert_eq!(["A", "B", "C", "D"].map(|name| reader.flag_or(name, true)), [true, false, true, true]);
        assert_eq!(reader.errors().len(), 1);
    }

    #[test]
    fn unread_returns_only_variables_with_the_prefix() {
        let variables = variables(&[("AVIF_A", "1"), ("AVIF_B", "1"), ("PATH", "/bin")]);
        let mut reader = Reader::new(&variables);
        reader.text("AVIF_A");
        assert_eq!(reader.unread("AVIF_").collect::<Vec<_>>(), ["AVIF_B"]);
    }
}
