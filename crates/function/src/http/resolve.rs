//! Decides which variant a request is for. This needs no request to S3.

use model::{Location, Recipe, VariantId};
use settings::Serving;
use transfer::{KeyDecision, Plan, Role};

use super::path::key_of_path;
use super::query::SizeQuery;
use super::{HttpRequest, accept};

/// What a request is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Resolution {
    /// A variant.
    Variant {
        /// The source.
        source: Location,
        /// The variant. It is in the recipe of the source.
        id: VariantId,
        /// The location of the variant.
        at: Location,
        /// Whether the `Accept` header decided the format.
        is_negotiated: bool,
    },
    /// The source itself, because its recipe has no format that the `Accept` header allows.
    Source {
        /// The source.
        source: Location,
    },
}

/// Why a request is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// The path is invalid.
    Path,
    /// The function serves no object for this path.
    NotServed,
    /// The path is the key of a variant, which has no parameters.
    QueryOfVariant,
    /// The query selects no size of the recipe.
    Query {
        /// The sizes of the recipe, the widest first.
        sizes: Vec<String>,
    },
}

impl Refusal {
    /// Returns the HTTP status.
    #[must_use]
    pub fn status(&self) -> u16 {
        match self {
            Self::Path | Self::QueryOfVariant | Self::Query { .. } => 400,
            Self::NotServed => 404,
        }
    }
}

/// Decides what a request is for.
///
/// # Errors
/// [`Refusal`] if the path or the query is invalid, or if the function does not serve the path.
pub fn resolve(request: &HttpRequest, plan: &Plan, serving: &Serving) -> Result<Resolution, Refusal> {
    let HttpRequest { path, is_path_decoded, query, accept, .. } = request;
    let key = key_of_path(path, *is_path_decoded).ok_or(Refusal::Path)?;
    let location = |key: &str| Location { bucket: serving.bucket.to_string(), key: key.to_owned() };
    if Role::of(&location(&key)) == Role::Output {
        let (source, id) = plan.layout.parse_variant_key(&key).ok_or(Refusal::NotServed)?;
        let source = location(source);
        let plan = served_plan(&source, plan, serving)?;
        if !plan.recipe.variants().any(|variant| variant == id) {
            return Err(Refusal::NotServed);
        }
        if SizeQuery::parse(query) != Some(SizeQuery::None) {
            return Err(Refusal::QueryOfVariant);
        }
        return variant(source, id, plan, false);
    }
    let source = location(&key);
    let plan = served_plan(&source, plan, serving)?;
    let size = SizeQuery::parse(query).and_then(|query| query.select(&plan.recipe));
    let size = size.ok_or_else(|| Refusal::Query { sizes: size_names(&plan.recipe) })?;
    let format = plan.recipe.formats.iter().find(|format| accept::allows(accept.as_deref(), *format));
    let id = VariantId { size, format: format.unwrap_or_default() };
    let resolution = variant(source.clone(), id, plan, true)?;
    Ok(if format.is_some() { resolution } else { Resolution::Source { source } })
}

/// Returns the plan of a source, if the function serves the source.
fn served_plan<'plan>(source: &Location, plan: &'plan Plan, serving: &Serving) -> Result<&'plan Plan, Refusal> {
    match plan.decide(source) {
        Ok(KeyDecision::Convert(plan)) if serving.prefixes.contain(&source.key) => Ok(plan),
        Ok(KeyDecision::Convert(_) | KeyDecision::Skip { .. }) | Err(_) => Err(Refusal::NotServed),
    }
}

fn variant(source: Location, id: VariantId, plan: &Plan, is_negotiated: bool) -> Result<Resolution, Refusal> {
    // S3 has no object whose key is too long.
    let at = plan.layout.variant_location(&source, id).map_err(|_| Refusal::NotServed)?;
    Ok(Resolution::Variant { source, id, at, is_negotiated })
}

fn size_names(recipe: &Recipe) -> Vec<String> {
    recipe.sizes.iter().map(|size| size.to_string()).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde::Deserialize;
    use serde_json::{Value, json};
    use settings::Settings;

    use super::*;

    #[derive(Deserialize)]
    struct Vector {
        name: String,
        config: Config,
        request: Request,
        expected: Value,
    }

    #[derive(Deserialize)]
    struct Config {
        prefixes: Vec<String>,
        output_prefix: String,
        sizes: Vec<String>,
        formats: Vec<String>,
        rules: Vec<Value>,
    }

    #[derive(Deserialize)]
    struct Request {
        path: String,
        query: String,
        accept: Option<String>,
    }

    impl Config {
        /// Returns the settings of a function with this configuration.
        fn settings(&self) -> Settings {
            let rules = self.rules.iter().cloned().map(|mut rule| {
                for list in ["sizes", "formats"] {
                    if let Some(entries) = rule.get(list).and_then(Value::as_array) {
                        let entries: Vec<_> = entries.iter().map(|entry| entry.as_str().unwrap()).collect();
                        rule[list] = entries.join(",").into();
                    }
                }
                rule
            });
            let variables = [
                ("AVIF_SERVE_BUCKET", "photos".to_owned()),
                ("AVIF_SERVE_PREFIXES", self.prefixes.join(",")),
                ("AVIF_OUTPUT_BUCKET", "cdn".to_owned()),
                ("AVIF_OUTPUT_PREFIX", self.output_prefix.clone()),
                ("AVIF_SIZES", self.sizes.join(",")),
                ("AVIF_FORMATS", self.formats.join(",")),
                ("AVIF_RULES", rules.collect::<Value>().to_string()),
            ];
            let variables: BTreeMap<_, _> = variables.map(|(name, value)| (name.to_owned(), value)).into();
            Settings::parse(&variables).unwrap()
        }
    }

    #[test]
    fn every_vector_is_resolved_as_expected() {
        let vectors: Vec<Vector> = serde_json::from_str(include_str!("../../tests/serve-vectors.json")).unwrap();
        let mut failures = vec![];
        for Vector { name, config, request: Request { path, query, accept }, expected } in vectors {
            let settings = config.settings();
            let request = HttpRequest { path, query, accept, ..HttpRequest::default() };
            let resolved = match resolve(&request, &settings.plan, &settings.serving.unwrap()) {
                Ok(Resolution::Variant { at, .. }) => json!({ "key": at.key }),
                Ok(Resolution::Source { .. }) => json!({ "source": true }),
                Err(refusal) => json!({ "status": refusal.status() }),
            };
            if resolved != expected {
                failures.push(format!("{name}: {resolved} instead of {expected}"));
            }
        }
        assert!(failures.is_empty(), "{}", failures.join("\n"));
    }
}
