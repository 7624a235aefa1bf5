//! The metrics with their names and units in CloudWatch and OpenTelemetry, and the aggregation of their samples.

use opentelemetry_semantic_conventions::metric as standard;

/// A metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Metric {
    /// All invocations.
    Invocations,
    /// Invocations that failed or timed out, or whose end was not reported.
    Errors,
    /// Invocations that timed out. They also count as errors.
    Timeouts,
    /// Invocations for which Lambda started an environment.
    ColdStarts,
    /// The duration of an environment's init phase, in milliseconds.
    InitDuration,
    /// The time from an event to the function's response, in milliseconds.
    Duration,
    /// The billed duration, in milliseconds.
    BilledDuration,
    /// Peak memory, in MiB.
    MemoryUsed,
    /// The function's configured memory, in MiB.
    MemorySize,
    /// Images that were converted.
    Converted,
    /// Images that were rejected as invalid or too large.
    Rejected,
    /// Jobs that failed and may succeed in a retry.
    Failed,
    /// Jobs that needed no work.
    Skipped,
    /// Deleted sources whose outputs were deleted.
    Deleted,
    /// Records of events that the function rejected because they name no object.
    RejectedRecords,
    /// The size of a source, in bytes.
    BytesIn,
    /// The total size of a source's stored variants, in bytes.
    BytesOut,
    /// The size reduction of the widest variant, in percent of the size of its source.
    Saving,
    /// The SSIMULACRA2 score of a variant; 100 means identical to the source.
    Score,
    /// The time to download a source, in milliseconds.
    FetchTime,
    /// The time to decode a source to pixels, in milliseconds.
    DecodeTime,
    /// The time to apply the orientation, convert colors and resize, in milliseconds.
    TransformTime,
    /// The time to encode the variants, in milliseconds.
    EncodeTime,
    /// The time to upload the variants, in milliseconds.
    StoreTime,
    /// Dropped telemetry: records, spans, log lines and data points.
    TelemetryDropped,
}

/// One measured value of a metric.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sample {
    /// The metric that the value belongs to.
    pub metric: Metric,
    /// The value, in the metric's CloudWatch unit.
    pub value: f64,
    /// The time of the measurement, in nanoseconds since 1970.
    pub at: u64,
}

/// How the samples of a metric are aggregated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Aggregation {
    /// The samples are added.
    Sum,
    /// The distribution of the samples is kept, for averages and percentiles.
    Distribution,
}

/// The name, unit and attribute of a metric in OpenTelemetry.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct OtelMetric {
    /// The name. Several metrics may have the same name and different attributes.
    pub name: &'static str,
    /// The unit, in UCUM.
    pub unit: &'static str,
    /// The factor that converts a value from the CloudWatch unit to this unit.
    pub scale: f64,
    /// The attribute that distinguishes metrics of the same name.
    pub attribute: Option<(&'static str, &'static str)>,
}

const MEBIBYTE: f64 = 1_048_576.0;

impl Sample {
    /// Creates a sample of `TelemetryDropped`: a number of dropped records, spans, log lines or data points.
    #[must_use]
    pub fn telemetry_dropped(number: u64, at: u64) -> Self {
        Self { metric: Metric::TelemetryDropped, value: count(number), at }
    }
}

impl Metric {
    /// All metrics, in the order of their declaration.
    pub const ALL: [Self; 25] = [
        Self::Invocations,
        Self::Errors,
        Self::Timeouts,
        Self::ColdStarts,
        Self::InitDuration,
        Self::Duration,
        Self::BilledDuration,
        Self::MemoryUsed,
        Self::MemorySize,
        Self::Converted,
        Self::Rejected,
        Self::Failed,
        Self::Skipped,
        Self::Deleted,
        Self::RejectedRecords,
        Self::BytesIn,
        Self::BytesOut,
        Self::Saving,
        Self::Score,
        Self::FetchTime,
        Self::DecodeTime,
        Self::TransformTime,
        Self::EncodeTime,
        Self::StoreTime,
        Self::TelemetryDropped,
    ];

    /// The name of the metric in CloudWatch.
    #[must_use]
    pub fn name(self) -> String {
        format!("{self:?}")
    }

    /// The aggregation of the metric's samples.
    #[must_use]
    pub fn aggregation(self) -> Aggregation {
        match self.cloudwatch_unit() {
            "Count" => Aggregation::Sum,
            _ => Aggregation::Distribution,
        }
    }

    /// The unit of the metric in CloudWatch.
    #[must_use]
    pub fn cloudwatch_unit(self) -> &'static str {
        match self {
            Self::Invocations
            | Self::Errors
            | Self::Timeouts
            | Self::ColdStarts
            | Self::Converted
            | Self::Rejected
            | Self::Failed
            | Self::Skipped
            | Self::Deleted
            | Self::RejectedRecords
            | Self::TelemetryDropped => "Count",
            Self::InitDuration
            | Self::Duration
            | Self::BilledDuration
            | Self::FetchTime
            | Self::DecodeTime
            | Self::TransformTime
            | Self::EncodeTime
            | Self::StoreTime => "Milliseconds",
            Self::MemoryUsed | Self::MemorySize => "Megabytes",
            Self::BytesIn | Self::BytesOut => "Bytes",
            Self::Saving => "Percent",
            Self::Score => "None",
        }
    }

    /// The metric in OpenTelemetry. The name comes from the semantic conventions, if they define one.
    #[must_use]
    pub fn otel(self) -> OtelMetric {
        let named = |name, unit, scale| OtelMetric { name, unit, scale, attribute: None };
        let image =
            |outcome| OtelMetric { attribute: Some(("avif.outcome", outcome)), ..named("avif.images", "{image}", 1.0) };
        let stage =
            |stage| OtelMetric { attribute: Some(("avif.stage", stage)), ..named("avif.stage.duration", "s", 1e-3) };
        match self {
            Self::Invocations => named(standard::FAAS_INVOCATIONS, "{invocation}", 1.0),
            Self::Errors => named(standard::FAAS_ERRORS, "{error}", 1.0),
            Self::Timeouts => named(standard::FAAS_TIMEOUTS, "{timeout}", 1.0),
            Self::ColdStarts => named(standard::FAAS_COLDSTARTS, "{coldstart}", 1.0),
            Self::InitDuration => named(standard::FAAS_INIT_DURATION, "s", 1e-3),
            Self::Duration => named(standard::FAAS_INVOKE_DURATION, "s", 1e-3),
            Self::BilledDuration => named("aws.lambda.billed_duration", "s", 1e-3),
            Self::MemoryUsed => named(standard::FAAS_MEM_USAGE, "By", MEBIBYTE),
            Self::MemorySize => named("aws.lambda.memory_size", "By", MEBIBYTE),
            Self::Converted => image("converted"),
            Self::Rejected => image("rejected"),
            Self::Failed => image("failed"),
            Self::Skipped => image("skipped"),
            Self::Deleted => image("deleted"),
            Self::RejectedRecords => named("avif.rejected_records", "{record}", 1.0),
            Self::BytesIn => named("avif.source.size", "By", 1.0),
            Self::BytesOut => named("avif.output.size", "By", 1.0),
            Self::Saving => named("avif.saving", "1", 1e-2),
            Self::Score => named("avif.score", "{score}", 1.0),
            Self::FetchTime => stage("fetch"),
            Self::DecodeTime => stage("decode"),
            Self::TransformTime => stage("transform"),
            Self::EncodeTime => stage("encode"),
            Self::StoreTime => stage("store"),
            Self::TelemetryDropped => named("telemetry.dropped", "{record}", 1.0),
        }
    }
}

/// Converts a count to the type of sample values. This is exact up to 2^53.
#[expect(clippy::cast_precision_loss, reason = "no count reaches 2^53")]
pub(crate) fn count(number: u64) -> f64 {
    number as f64
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn metrics_have_distinct_names_and_attributes() {
        let names: BTreeSet<_> = Metric::ALL.into_iter().map(Metric::name).collect();
        let otel: BTreeSet<_> = Metric::ALL.into_iter().map(|m| (m.otel().name, m.otel().attribute)).collect();
        assert_eq!((names.len(), otel.len()), (Metric::ALL.len(), Metric::ALL.len()));
        assert!(Metric::ALL.is_sorted(), "in the order of their declaration");
    }

    #[test]
    fn docs_list_every_metric() {
        let docs = std::fs::read_to_string("../../docs/telemetry.md").unwrap();
        let row = |m: Metric| format!("| `{}` | {} | `{}` | ", m.name(), m.cloudwatch_unit(), m.otel().name);
        for metric in Metric::ALL {
            assert!(docs.contains(&row(metric)), "{metric:?}");
        }
    }
}
