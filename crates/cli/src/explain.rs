//! `avif explain`: names the rule and the recipe that hold for a key, and the keys of its variants. It sends no request.

use std::fmt::Write as _;
use std::io::Write;
use std::process::ExitCode;

use model::{Location, Recipe};
use serde::Serialize;
use settings::Settings;
use transfer::{Error, Plan, Role, RuleEffect};

use crate::Usage;
use crate::settings_arguments::SettingsArguments;

#[derive(Debug, clap::Args)]
#[command(after_help = "\
The command reads only the settings, and sends no request.

Exit code: 0 if every key is converted or skipped, 1 if the key of a source or of a variant is not possible.

Example:
  avif explain s3://photos/avatars/a.jpg --settings settings.json")]
pub(crate) struct Arguments {
    /// Sources, which need not exist
    #[arg(required = true, value_name = "s3://BUCKET/KEY", value_parser = location)]
    source: Vec<Location>,
    #[command(flatten)]
    settings: SettingsArguments,
    /// Print one JSON object per line for each source
    #[arg(long)]
    json: bool,
}

/// What happens to a source.
#[derive(Debug, Serialize)]
struct Explanation {
    #[serde(flatten)]
    source: Location,
    /// The name of the first rule that matches the key.
    #[serde(skip_serializing_if = "Option::is_none")]
    rule: Option<String>,
    #[serde(flatten)]
    result: Conversion,
}

#[derive(Debug, Serialize)]
#[serde(tag = "result", rename_all = "snake_case")]
enum Conversion {
    Converted { recipe: Recipe, fingerprint: String, outputs: Vec<Location> },
    Skipped { reason: &'static str },
    Failed { reason: String },
}

pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let settings = Settings::parse_with_endpoints(&arguments.settings.variables()?)?;
    let explanations: Vec<_> = arguments.source.iter().map(|source| explain(source, &settings.plan)).collect();
    let mut out = std::io::stdout();
    for explanation in &explanations {
        let text = if arguments.json { serde_json::to_string(explanation)? + "\n" } else { text(explanation) };
        out.write_all(text.as_bytes())?;
    }
    let has_failed = explanations.iter().any(|explanation| matches!(explanation.result, Conversion::Failed { .. }));
    Ok(if has_failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn explain(source: &Location, plan: &Plan) -> Explanation {
    let explanation = |rule, result| Explanation { source: source.clone(), rule, result };
    match Role::of(source) {
        Role::Source => {}
        Role::Output => {
            return explanation(
                None,
                Conversion::Skipped { reason: "it is the key of an output, which is never converted" },
            );
        }
        Role::Folder => return explanation(None, Conversion::Skipped { reason: "it is the key of a folder" }),
        Role::Reserved => {
            let reason = Error::ReservedKey { at: source.clone() }.to_string();
            return explanation(None, Conversion::Failed { reason });
        }
    }
    let rule = plan.rule_for(source);
    let name = rule.map(|rule| rule.name.clone());
    let plan = match rule.map(|rule| &rule.effect) {
        None => plan,
        Some(RuleEffect::Convert(plan)) => plan,
        Some(RuleEffect::Skip) => return explanation(name, Conversion::Skipped { reason: "the rule skips it" }),
    };
    let result = match plan.layout.output_locations(source, &plan.recipe) {
        Ok(outputs) => Conversion::Converted {
            recipe: plan.recipe.clone(),
            fingerprint: plan.fingerprint(),
            outputs: outputs.variants.into_iter().map(|variant| variant.at).chain(outputs.manifest).collect(),
        },
        Err(error) => Conversion::Failed { reason: error.to_string() },
    };
    explanation(name, result)
}

fn text(Explanation { source, rule, result }: &Explanation) -> String {
    let mut text = format!("{source}\n  rule         {}\n", rule.as_deref().unwrap_or("none matches"));
    let mut line = |name: &str, value: &dyn std::fmt::Display| _ = writeln!(text, "  {name:<12} {value}");
    match result {
        Conversion::Skipped { reason } => line("skipped", reason),
        Conversion::Failed { reason } => line("failed", reason),
        Conversion::Converted { recipe, fingerprint, outputs } => {
            // The names of the recipe in JSON are those of the settings, except for the sizes.
            let serde_json::Value::Object(settings) = serde_json::json!(recipe) else { return text };
            for (name, value) in &settings {
                let values = value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice);
                let values = values.iter().map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned));
                let name = if name == "widths" { "sizes" } else { name };
                line(name, &values.collect::<Vec<_>>().join(","));
            }
            line("fingerprint", fingerprint);
            for output in outputs {
                line("output", output);
            }
        }
    }
    text
}

fn location(text: &str) -> Result<Location, Usage> {
    let parts = text.strip_prefix("s3://").and_then(|rest| rest.split_once('/'));
    match parts.filter(|(bucket, key)| !bucket.is_empty() && !key.is_empty()) {
        Some((bucket, key)) => Ok(Location { bucket: bucket.to_owned(), key: key.to_owned() }),
        None => Err(Usage("expected s3://BUCKET/KEY".into())),
    }
}
