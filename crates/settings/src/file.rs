//! The JSON settings file: the names and types of the Terraform module's `settings`.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};
use thiserror::Error;

/// The settings file cannot be used.
#[derive(Debug, Error)]
pub enum FileError {
    /// The file cannot be read.
    #[error("cannot read the settings file {}", path.display())]
    Read {
        /// The settings file.
        path: PathBuf,
        /// The error of the operating system.
        source: io::Error,
    },
    /// The file is not a JSON object.
    #[error("{} is not a JSON object of settings", path.display())]
    Json {
        /// The settings file.
        path: PathBuf,
        /// The error of the JSON parser, with the position.
        source: serde_json::Error,
    },
    /// A setting has a list or an object as its value.
    #[error("{}: {name}: expected a string, a number, true or false", path.display())]
    Type {
        /// The settings file.
        path: PathBuf,
        /// The name of the setting.
        name: String,
    },
    /// The name of a setting is not in lower case.
    #[error("{}: {name}: write the setting in lower case and without AVIF_", path.display())]
    Name {
        /// The settings file.
        path: PathBuf,
        /// The name of the setting.
        name: String,
    },
}

/// Reads a settings file into environment variables: `{"widths": "full,640"}` becomes `AVIF_WIDTHS=full,640`. This
/// function does not check the values. [`Settings::parse`](crate::Settings::parse) checks them.
///
/// # Errors
/// [`FileError`], if the file cannot be read, or if a name or the type of a value is wrong.
pub fn read_file(path: &Path) -> Result<BTreeMap<String, String>, FileError> {
    let bytes = std::fs::read(path).map_err(|source| FileError::Read { path: path.to_owned(), source })?;
    let object: Map<String, Value> =
        serde_json::from_slice(&bytes).map_err(|source| FileError::Json { path: path.to_owned(), source })?;
    let mut variables = BTreeMap::new();
    for (name, value) in object {
        let value = match value {
            // As in the Terraform module, a setting with the value null counts as unset.
            Value::Null => continue,
            Value::Bool(value) => value.to_string(),
            Value::Number(value) => value.to_string(),
            Value::String(value) => value,
            rules @ Value::Array(_) if name == "rules" => rules.to_string(),
            Value::Array(_) | Value::Object(_) => return Err(FileError::Type { path: path.to_owned(), name }),
        };
        if name != name.to_lowercase() {
            return Err(FileError::Name { path: path.to_owned(), name });
        }
        variables.insert(format!("AVIF_{}", name.to_uppercase()), value);
    }
    Ok(variables)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<BTreeMap<String, String>, FileError> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        read_file(file.path())
    }

    #[test]
    fn settings_file_uses_the_names_and_types_of_the_terraform_module() {
        let file =
            r#"{"sizes": "full,640", "speed": 4, "copy_tags": true, "kms_key": null, "rules": [{"skip": true}]}"#;
        let variables = read(file).unwrap();
        let rules = ("AVIF_RULES", r#"[{"skip":true}]"#);
        let expected = [("AVIF_COPY_TAGS", "true"), ("AVIF_SPEED", "4"), ("AVIF_SIZES", "full,640"), rules];
        assert_eq!(variables, expected.map(|(name, value)| (name.to_owned(), value.to_owned())).into());
    }

    #[test]
    fn invalid_settings_file_is_reported_with_the_name_of_the_setting() {
        for (text, problem) in [
            ("[]", "is not a JSON object"),
            (r#"{"widths": [640]}"#, "widths: expected a string"),
            (r#"{"AVIF_WIDTHS": "640"}"#, "AVIF_WIDTHS: write the setting in lower case"),
        ] {
            let error = read(text).unwrap_err().to_string();
            assert!(error.contains(problem), "{error}");
        }
    }
}
