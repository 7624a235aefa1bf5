//! Shows the metrics of the extension as a table.

use std::collections::BTreeMap;

use comfy_table::Table;
use serde_json::Value;

use crate::table;

/// Returns the metrics that CloudWatch creates from these log lines. `None` if the lines contain no metrics.
pub(crate) fn metrics(lines: &[String]) -> Option<Table> {
    let mut metrics: BTreeMap<(String, String), Vec<f64>> = BTreeMap::new();
    for line in lines.iter().filter_map(|line| serde_json::from_str::<Value>(line).ok()) {
        let directives = line["_aws"]["CloudWatchMetrics"].as_array().into_iter().flatten();
        for metric in directives.filter_map(|directive| directive["Metrics"].as_array()).flatten() {
            let text = |name: &str| metric[name].as_str().unwrap_or_default().to_owned();
            let values = match &line[text("Name")] {
                Value::Array(values) => values.iter().filter_map(Value::as_f64).collect(),
                value => Vec::from_iter(value.as_f64()),
            };
            metrics.entry((text("Name"), text("Unit"))).or_default().extend(values);
        }
    }
    let mut rows = table::table(["metric", "sum", "average", "unit"]);
    for ((name, unit), values) in &metrics {
        let sum: f64 = values.iter().sum();
        #[expect(clippy::cast_precision_loss, reason = "a demonstration has a few of them")]
        let average = if unit == "Count" { String::new() } else { format!("{:.1}", sum / values.len() as f64) };
        rows.add_row([
            name.clone(),
            format!("{sum:.1}").trim_end_matches(".0").to_owned(),
            average,
            unit.to_lowercase(),
        ]);
    }
    (!metrics.is_empty()).then_some(rows)
}
