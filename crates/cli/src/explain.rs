//! `avif explain`: names the rule and the recipe that hold for a key, and the keys of its variants. It sends no request.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write;
use std::process::ExitCode;

use model::Location;
use serde::Serialize;
use settings::Settings;
use transfer::{KeyDecision, Plan};

use crate::settings_arguments::SettingsArguments;
use crate::{Usage, s3_url};

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
    Converted { recipe: BTreeMap<&'static str, String>, fingerprint: String, outputs: Vec<Location> },
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
    let result = conversion(source, plan).unwrap_or_else(|error| Conversion::Failed { reason: error.to_string() });
    Explanation { source: source.clone(), rule: plan.rule_name(source), result }
}

fn conversion(source: &Location, plan: &Plan) -> Result<Conversion, transfer::Error> {
    let plan = match plan.decide(source)? {
        KeyDecision::Convert(plan) => plan,
        KeyDecision::Skip { reason } => return Ok(Conversion::Skipped { reason }),
    };
    let outputs = plan.layout.output_locations(source, &plan.recipe)?;
    Ok(Conversion::Converted {
        recipe: plan.recipe.settings().into(),
        fingerprint: plan.fingerprint(),
        outputs: outputs.variants.into_iter().map(|variant| variant.at).chain(outputs.manifest).collect(),
    })
}

fn text(Explanation { source, rule, result }: &Explanation) -> String {
    let mut text = format!("{source}\n  rule         {}\n", rule.as_deref().unwrap_or("none matches"));
    let mut line = |name: &str, value: &dyn std::fmt::Display| _ = writeln!(text, "  {name:<12} {value}");
    match result {
        Conversion::Skipped { reason } => line("skipped", reason),
        Conversion::Failed { reason } => line("failed", reason),
        Conversion::Converted { recipe, fingerprint, outputs } => {
            for (name, value) in recipe {
                line(name, value);
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
    let (bucket, key) = s3_url::parse(text)?;
    if key.is_empty() {
        return Err(Usage(format!("{text}: expected s3://BUCKET/KEY")));
    }
    Ok(Location { bucket, key })
}
