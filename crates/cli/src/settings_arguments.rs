//! The arguments `--settings` and `--env`: the function's settings from a JSON file or as environment variables.

use std::collections::BTreeMap;
use std::path::PathBuf;

use settings::Settings;

#[derive(Debug, Clone, clap::Args)]
pub(crate) struct SettingsArguments {
    /// The function's settings in a JSON file, named as in the Terraform module: {"widths": "full,640"}
    #[arg(long, value_name = "FILE")]
    settings: Option<PathBuf>,
    /// One of the function's settings; overrides the setting in the file. Can be repeated
    #[arg(short = 'e', long = "env", value_name = "NAME=VALUE", value_parser = parse_pair)]
    environment: Vec<(String, String)>,
}

impl SettingsArguments {
    /// Returns the settings as environment variables of the function.
    ///
    /// # Errors
    /// The file cannot be read, or the function would reject the settings.
    pub(crate) fn variables(&self) -> anyhow::Result<BTreeMap<String, String>> {
        let mut variables = match &self.settings {
            Some(path) => settings::read_file(path)?,
            None => BTreeMap::new(),
        };
        variables.extend(self.environment.iter().cloned());
        Settings::parse(&variables)?;
        Ok(variables)
    }
}

fn parse_pair(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("expected NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variables(file: &str) -> anyhow::Result<BTreeMap<String, String>> {
        let temporary = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(temporary.path(), file).unwrap();
        SettingsArguments { settings: Some(temporary.path().to_owned()), environment: vec![] }.variables()
    }

    #[test]
    fn invalid_setting_in_a_file_is_reported_with_its_name() {
        for (file, problem) in [
            (r#"{"width": "640"}"#, "AVIF_WIDTH is unknown"),
            (r#"{"speed": 11}"#, "AVIF_SPEED=11"),
            (r#"{"widths": [640]}"#, "widths: expected a string"),
        ] {
            let error = format!("{:#}", variables(file).unwrap_err());
            assert!(error.contains(problem), "{error}");
        }
    }

    #[test]
    fn settings_example_of_the_docs_is_valid() {
        let example = std::fs::read_to_string("../../deploy/terraform/examples/settings.json").unwrap();
        assert_eq!(variables(&example).unwrap().len(), 3);
    }
}
