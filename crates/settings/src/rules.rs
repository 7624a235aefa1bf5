//! Parses `AVIF_RULES`: a JSON list of rules.

use std::collections::BTreeMap;

use environment::Reader;
use serde_json::{Map, Value};
use transfer::{KeyPattern, Plan, Rule, RuleEffect};

use crate::{OTHER_FORMATS_NEED_A_LOCATION, has_location_for_other_formats, read_recipe};

pub(crate) const NAME: &str = "AVIF_RULES";
/// The fields of a rule that select sources, or skip them. All other fields belong to the recipe.
const OWN_FIELDS: [&str; 3] = ["prefix", "suffix", "skip"];

/// Parses the rules. A setting that a rule does not contain has the value of `base`.
///
/// # Errors
/// All mistakes, each with its path in the JSON, such as `AVIF_RULES[0].quality`.
pub(crate) fn parse(text: &str, base: &Plan) -> Result<Vec<Rule>, Vec<String>> {
    let example = r#"[{"prefix": "avatars/", "sizes": "256x256:cover"}]"#;
    let items = match serde_json::from_str(text) {
        Ok(Value::Array(items)) => items,
        Ok(_) => return Err(vec![format!("{NAME}: expected a list of rules, such as {example}")]),
        Err(error) => return Err(vec![format!("{NAME}: it is not JSON ({error}); expected, for example, {example}")]),
    };
    let mut errors = vec![];
    let rules: Vec<Rule> = items
        .iter()
        .enumerate()
        .filter_map(|(index, item)| {
            let name = format!("{NAME}[{index}]");
            let Value::Object(fields) = item else {
                errors
                    .push(format!("{name}: expected an object, such as {{\"prefix\": \"private/\", \"skip\": true}}"));
                return None;
            };
            Some(parse_rule(name, fields, base, &mut errors))
        })
        .collect();
    // A mistake in a pattern would be reported again for later rules.
    let readable = if errors.is_empty() { rules.as_slice() } else { &[] };
    for (index, rule) in readable.iter().enumerate() {
        if let Some(earlier) = readable[..index].iter().find(|earlier| earlier.keys.contains(&rule.keys)) {
            errors.push(format!("{}: it is never used, because {} matches all of its keys", rule.name, earlier.name));
        }
    }
    if errors.is_empty() { Ok(rules) } else { Err(errors) }
}

fn parse_rule(name: String, fields: &Map<String, Value>, base: &Plan, errors: &mut Vec<String>) -> Rule {
    let mut texts = BTreeMap::new();
    for (field, value) in fields.iter().filter(|(field, _)| !OWN_FIELDS.contains(&field.as_str())) {
        match value {
            Value::Null => {}
            Value::String(text) if text.is_empty() => errors.push(format!("{name}.{field}: it is empty")),
            Value::String(text) => _ = texts.insert(format!("{name}.{field}"), text.clone()),
            Value::Number(number) => _ = texts.insert(format!("{name}.{field}"), number.to_string()),
            Value::Bool(_) | Value::Array(_) | Value::Object(_) => {
                errors.push(format!("{name}.{field}: expected a string or a number"));
            }
        }
    }
    let mut reader = Reader::new(&texts);
    let sizes = reader.parsed_or(&format!("{name}.sizes"), base.recipe.sizes.clone());
    let recipe = read_recipe(&mut reader, &|setting| format!("{name}.{setting}"), sizes, &base.recipe);
    let prefix = format!("{name}.");
    let known = || {
        let names = reader.names().iter().filter_map(|known| known.strip_prefix(&prefix));
        OWN_FIELDS.into_iter().chain(names).collect::<Vec<_>>().join(", ")
    };
    errors.extend(reader.unread("").map(|unknown| format!("{unknown} is unknown; known are {}", known())));
    errors.extend(reader.errors().iter().cloned());
    if recipe.has_other_formats()
        && recipe.formats != base.recipe.formats
        && !has_location_for_other_formats(&base.layout)
    {
        errors.push(format!("{name}.formats: {OTHER_FORMATS_NEED_A_LOCATION}"));
    }
    let mut text = |field: &str| match fields.get(field) {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(_) => {
            errors.push(format!("{name}.{field}: expected a string"));
            String::new()
        }
    };
    let keys = KeyPattern { prefix: text("prefix"), suffix: text("suffix") };
    let is_skipped = match fields.get("skip") {
        None | Some(Value::Null | Value::Bool(false)) => false,
        Some(Value::Bool(true)) => true,
        Some(_) => {
            errors.push(format!("{name}.skip: expected true or false"));
            false
        }
    };
    let settings: Vec<&str> = texts.keys().filter_map(|key| key.strip_prefix(&prefix)).collect();
    if is_skipped && !settings.is_empty() {
        errors.push(format!("{name}.skip: the rule skips its sources, so it cannot have {}", settings.join(", ")));
    }
    let effect = if is_skipped {
        RuleEffect::Skip
    } else {
        RuleEffect::Convert(Box::new(Plan { recipe, rules: vec![], ..base.clone() }))
    };
    Rule { name, keys, effect }
}

#[cfg(test)]
mod tests {
    use model::Location;

    use super::*;
    use crate::{Settings, SettingsError};

    fn parse(rules: &str, settings: &[(&str, &str)]) -> Result<Plan, SettingsError> {
        let variables = settings.iter().copied().chain([(NAME, rules)]);
        let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        Settings::parse(&variables).map(|settings| settings.plan)
    }

    /// The rule and the recipe that hold for a key, as text.
    fn applied(plan: &Plan, key: &str) -> String {
        let rule = plan.rule_for(&Location { bucket: "photos".into(), key: key.into() });
        let recipe = match rule.map(|rule| &rule.effect) {
            Some(RuleEffect::Skip) => "skip".to_owned(),
            None => plan.recipe.quality.to_string(),
            Some(RuleEffect::Convert(plan)) => {
                let sizes: Vec<_> = plan.recipe.sizes.iter().map(|size| size.to_string()).collect();
                format!("{} {} {}", plan.recipe.quality, plan.recipe.speed.number(), sizes.join(","))
            }
        };
        format!("{} {recipe}", rule.map_or("-", |rule| &rule.name))
    }

    #[test]
    fn first_rule_that_matches_decides_and_keeps_the_other_settings() {
        let rules = r#"[
            {"prefix": "avatars/", "suffix": ".png", "sizes": "256x256:cover,64", "quality": "visual:80"},
            {"prefix": "avatars/", "quality": 60, "speed": null},
            {"prefix": "private/", "skip": true},
            {"suffix": ".tif", "speed": 4},
            {"prefix": "raw/", "skip": false}
        ]"#;
        let plan = parse(rules, &[("AVIF_QUALITY", "visual:70"), ("AVIF_SPEED", "7")]).unwrap();
        for (key, expected) in [
            ("avatars/a.PNG", "AVIF_RULES[0] visual:80 7 256x256:cover,64"),
            ("avatars/a.jpg", "AVIF_RULES[1] 60 7 full"),
            ("avatars/private/a.png", "AVIF_RULES[0] visual:80 7 256x256:cover,64"),
            ("private/a.tif", "AVIF_RULES[2] skip"),
            ("scans/写真.TIF", "AVIF_RULES[3] visual:70 4 full"),
            ("raw/a.jpg", "AVIF_RULES[4] visual:70 7 full"),
            ("Avatars/a.png", "- visual:70"),
            ("a.jpg", "- visual:70"),
        ] {
            assert_eq!(applied(&plan, key), expected, "{key}");
        }
    }

    #[test]
    fn rules_do_not_change_the_fingerprint_of_other_sources() {
        let plan = parse(r#"[{"prefix": "a/", "quality": 60}, {"prefix": "b/"}]"#, &[]).unwrap();
        let default = parse("[]", &[]).unwrap();
        assert_eq!(plan.fingerprint(), default.fingerprint());
        assert_eq!(default.fingerprint_with_rules(), default.fingerprint());
        assert_ne!(plan.fingerprint_with_rules(), default.fingerprint());
        let fingerprints = plan.rules.iter().map(|rule| match &rule.effect {
            RuleEffect::Convert(plan) => plan.fingerprint(),
            RuleEffect::Skip => String::new(),
        });
        let fingerprints: Vec<_> = fingerprints.collect();
        assert_ne!(fingerprints[0], default.fingerprint());
        assert_eq!(fingerprints[1], default.fingerprint());
    }

    #[test]
    fn each_mistake_is_named_with_its_path() {
        for (rules, expected) in [
            ("{", "AVIF_RULES: it is not JSON (EOF"),
            ("[{},]", "AVIF_RULES: it is not JSON (trailing comma at line 1 column 5)"),
            ("{}", "AVIF_RULES: expected a list of rules, such as [{"),
            ("\"avatars/\"", "AVIF_RULES: expected a list"),
            ("true", "AVIF_RULES: expected a list"),
            ("[1]", "AVIF_RULES[0]: expected an object"),
            ("[[]]", "AVIF_RULES[0]: expected an object"),
            ("[null]", "AVIF_RULES[0]: expected an object"),
            (r#"[{"prefix": 1}]"#, "AVIF_RULES[0].prefix: expected a string"),
            (r#"[{"suffix": [".jpg"]}]"#, "AVIF_RULES[0].suffix: expected a string"),
            (r#"[{"prefix": "a", "skip": "yes"}]"#, "AVIF_RULES[0].skip: expected true or false"),
            (r#"[{"prefix": "a", "skip": 1}]"#, "AVIF_RULES[0].skip: expected true or false"),
            (r#"[{"prefix": "a", "skip": true, "speed": 4}]"#, "so it cannot have speed"),
            (
                r#"[{"prefix": "a", "size": "640"}]"#,
                "AVIF_RULES[0].size is unknown; known are prefix, suffix, skip, sizes, quality, ",
            ),
            (r#"[{"prefix": "a", "widths": "640"}]"#, "AVIF_RULES[0].widths is unknown"),
            (r#"[{"prefix": "a", "Quality": 60}]"#, "AVIF_RULES[0].Quality is unknown"),
            (r#"[{"prefix": "a", "output_prefix": "b/"}]"#, "AVIF_RULES[0].output_prefix is unknown"),
            (
                r#"[{"prefix": "a", "sizes": "256:cover"}]"#,
                "AVIF_RULES[0].sizes=256:cover: size \"256:cover\" is none of",
            ),
            (r#"[{"prefix": "a", "sizes": ["640"]}]"#, "AVIF_RULES[0].sizes: expected a string or a number"),
            (r#"[{"prefix": "a", "sizes": ""}]"#, "AVIF_RULES[0].sizes: it is empty"),
            (r#"[{"prefix": "a", "quality": "visual:29"}]"#, "AVIF_RULES[0].quality=visual:29: "),
            (r#"[{"prefix": "a", "quality": true}]"#, "AVIF_RULES[0].quality: expected a string or a number"),
            (r#"[{"prefix": "a", "speed": 11}]"#, "AVIF_RULES[0].speed=11: "),
            (r#"[{"prefix": "a", "speed": 6.5}]"#, "AVIF_RULES[0].speed=6.5: "),
            (r#"[{"prefix": "a", "metadata": "all"}]"#, "AVIF_RULES[0].metadata=all: "),
            (r#"[{"prefix": "a", "chroma": 422}]"#, "AVIF_RULES[0].chroma=422: "),
            (r#"[{"prefix": "a", "color": "p3"}]"#, "AVIF_RULES[0].color=p3: "),
            (r#"[{"prefix": "a", "damaged": "keep"}]"#, "AVIF_RULES[0].damaged=keep: "),
            (r#"[{"prefix": "a", "background": "white"}]"#, "AVIF_RULES[0].background=white: "),
            (r#"[{"prefix": "a", "formats": "avif,jpg"}]"#, "AVIF_RULES[0].formats=avif,jpg: "),
            (r#"[{"prefix": "a", "formats": "webp"}]"#, "AVIF_RULES[0].formats: WebP and JPEG variants beside"),
            (
                r#"[{"prefix": "a"}, {"prefix": "ab", "skip": true}]"#,
                "AVIF_RULES[1]: it is never used, because AVIF_RULES[0] matches",
            ),
            (r#"[{}, {"suffix": ".jpg"}]"#, "AVIF_RULES[1]: it is never used"),
        ] {
            let error = parse(rules, &[]).unwrap_err();
            let [error] = &error.0[..] else { panic!("{rules}: {error}") };
            assert!(error.contains(expected), "{rules}: {error}");
        }
    }

    #[test]
    fn all_mistakes_are_reported_together() {
        let rules = r#"[{"prefix": 1, "speed": 11, "size": 5}, 7, {"quality": "high", "skip": 0}]"#;
        let error = parse(rules, &[("AVIF_SPEED", "fast")]).unwrap_err();
        let names: Vec<&str> = error.0.iter().map(|error| error.split([':', '=', ' ']).next().unwrap()).collect();
        let expected =
            ["AVIF_SPEED", "AVIF_RULES[1]", "AVIF_RULES[0].size", "AVIF_RULES[0].speed", "AVIF_RULES[0].prefix"];
        for name in expected.into_iter().chain(["AVIF_RULES[2].quality", "AVIF_RULES[2].skip"]) {
            assert!(names.contains(&name), "{name}: {error}");
        }
        assert_eq!(names.len(), 7, "{error}");
    }

    #[test]
    fn formats_of_a_rule_are_allowed_where_they_do_not_trigger_the_function() {
        let rules = r#"[{"prefix": "a", "formats": "avif,webp"}]"#;
        assert!(parse(rules, &[("AVIF_OUTPUT_BUCKET", "cdn")]).is_ok());
        assert!(parse(rules, &[("AVIF_OUTPUT_PREFIX", "avif/")]).is_ok());
    }

    #[test]
    fn settings_that_lambda_cannot_store_are_rejected() {
        let rules = |count: usize| {
            let rules: Vec<_> =
                (0..count).map(|number| format!(r#"{{"prefix":"{number:03}/","skip":true}}"#)).collect();
            format!("[{}]", rules.join(","))
        };
        assert!(parse(&rules(120), &[]).is_ok());
        let error = parse(&rules(150), &[]).unwrap_err().to_string();
        assert!(
            error.contains("bytes, but all environment variables of a Lambda function together may take 4096"),
            "{error}"
        );
    }
}
