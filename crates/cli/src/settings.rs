//! The function's settings as the Terraform module has them: named without `AVIF_` and in small letters, in a JSON file or by
//! `--env`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use function::config::Config;
use serde_json::{Map, Value};

/// Where settings come from.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Settings {
    /// The function's settings in a JSON file, named as in the Terraform module: {"widths": "full,640"}
    #[arg(long, value_name = "FILE")]
    settings: Option<PathBuf>,
    /// One of the function's settings; overrides the file. Can be repeated
    #[arg(short = 'e', long = "env", value_name = "NAME=VALUE", value_parser = pair)]
    environment: Vec<(String, String)>,
}

impl Settings {
    /// As the function's environment, in which the function would find no mistake.
    pub(crate) fn environment(&self) -> anyhow::Result<BTreeMap<String, String>> {
        let mut environment = match &self.settings {
            Some(path) => read(path).with_context(|| path.display().to_string())?,
            None => BTreeMap::new(),
        };
        environment.extend(self.environment.iter().cloned());
        Config::parse(&environment)?;
        Ok(environment)
    }
}

fn read(path: &Path) -> anyhow::Result<BTreeMap<String, String>> {
    let object: Map<String, Value> = serde_json::from_slice(&std::fs::read(path)?)?;
    let mut environment = BTreeMap::new();
    for (name, value) in object {
        let value = match value {
            // As in the module, where it is a setting that is left out.
            Value::Null => continue,
            Value::Bool(value) => value.to_string(),
            Value::Number(value) => value.to_string(),
            Value::String(value) => value,
            Value::Array(_) | Value::Object(_) => bail!("{name}: expected a string, a number, true or false"),
        };
        if name != name.to_lowercase() {
            bail!("{name}: write the setting in lower case and without AVIF_");
        }
        environment.insert(format!("AVIF_{}", name.to_uppercase()), value);
    }
    Ok(environment)
}

fn pair(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("expected NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> anyhow::Result<BTreeMap<String, String>> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        Settings { settings: Some(file.path().to_owned()), environment: vec![] }.environment()
    }

    #[test]
    fn a_file_has_the_modules_names_and_kinds_of_values() {
        let environment = of(r#"{"widths": "full,640", "speed": 4, "copy_tags": true, "kms_key": null}"#).unwrap();
        let expected = [("AVIF_COPY_TAGS", "true"), ("AVIF_SPEED", "4"), ("AVIF_WIDTHS", "full,640")];
        assert_eq!(environment, expected.map(|(name, value)| (name.to_owned(), value.to_owned())).into());
    }

    #[test]
    fn what_is_unknown_or_wrong_is_named() {
        for (text, words) in [
            (r#"{"width": "640"}"#, "AVIF_WIDTH is unknown"),
            (r#"{"speed": 11}"#, "AVIF_SPEED=11"),
            (r#"{"widths": [640]}"#, "widths: expected a string"),
            (r#"{"AVIF_WIDTHS": "640"}"#, "AVIF_WIDTHS: write the setting in lower case"),
        ] {
            let error = format!("{:#}", of(text).unwrap_err());
            assert!(error.contains(words), "{error}");
        }
    }

    #[test]
    fn the_docs_example_is_what_the_function_takes() {
        let example = std::fs::read_to_string("../../deploy/terraform/examples/settings.json").unwrap();
        assert_eq!(of(&example).unwrap().len(), 3);
    }
}
