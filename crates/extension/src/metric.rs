//! The metrics, each listed once: what CloudWatch and OpenTelemetry call them, and how they are added up.

use opentelemetry_semantic_conventions::metric as standard;

/// Everything that is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Metric {
    /// Invocations, whatever came of them.
    Invocations,
    /// Invocations that failed, timed out or were cut off.
    Errors,
    /// Invocations that ran into the time-out; they are errors, too.
    Timeouts,
    /// Environments that were started for an invocation.
    ColdStarts,
    /// From an environment's start until it could take an event, in milliseconds.
    InitDuration,
    /// From an event to its answer, in milliseconds.
    Duration,
    /// What is paid for, in milliseconds.
    BilledDuration,
    /// The most memory that was held, in MiB.
    MemoryUsed,
    /// The memory that there is, in MiB.
    MemorySize,
    /// Images whose variants were made.
    Converted,
    /// Images that are at fault.
    Rejected,
    /// Images that a retry may help.
    Failed,
    /// Jobs that needed no work.
    Skipped,
    /// Images that are gone, and whose variants followed.
    Deleted,
    /// Records of events that the function rejected, because they name nothing to work on.
    RejectedRecords,
    /// A source's size, in bytes.
    BytesIn,
    /// The size of a source's stored variants together, in bytes.
    BytesOut,
    /// By how much the widest variant is smaller than its source, in percent.
    Saving,
    /// The SSIMULACRA2 score that a variant reached; 100 is the same.
    Score,
    /// Reading a source, in milliseconds.
    FetchTime,
    /// A file to pixels, in milliseconds.
    DecodeTime,
    /// Turning, colors and sizes, in milliseconds.
    TransformTime,
    /// Pixels to AVIF, in milliseconds.
    EncodeTime,
    /// Writing the variants, in milliseconds.
    StoreTime,
    /// Telemetry that was lost before it could be delivered, in records.
    TelemetryDropped,
}

/// One measurement.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sample {
    /// What was measured.
    pub metric: Metric,
    /// In the metric's unit.
    pub value: f64,
    /// When, in nanoseconds since 1970.
    pub at: u64,
}

/// How samples of a metric become one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// They are added up.
    Sum,
    /// They are spread over a range, of which averages and percentiles are of interest.
    Distribution,
}

/// What OpenTelemetry calls a metric.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Otel {
    /// Several of ours may share one, and differ by attribute.
    pub name: &'static str,
    /// A unit of UCUM.
    pub unit: &'static str,
    /// What turns our unit into that one.
    pub scale: f64,
    /// What tells it from others of that name.
    pub attribute: Option<(&'static str, &'static str)>,
}

const MEBIBYTE: f64 = 1_048_576.0;

impl Metric {
    /// All of them, in the order of their declaration.
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

    /// Its name in CloudWatch.
    #[must_use]
    pub fn name(self) -> String {
        format!("{self:?}")
    }

    /// How its samples become one.
    #[must_use]
    pub fn kind(self) -> Kind {
        match self.cloudwatch_unit() {
            "Count" => Kind::Sum,
            _ => Kind::Distribution,
        }
    }

    /// Its unit in CloudWatch.
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

    /// Its name in OpenTelemetry: the semantic conventions' where they have one.
    #[must_use]
    pub fn otel(self) -> Otel {
        let named = |name, unit, scale| Otel { name, unit, scale, attribute: None };
        let image =
            |outcome| Otel { attribute: Some(("avif.outcome", outcome)), ..named("avif.images", "{image}", 1.0) };
        let stage = |stage| Otel { attribute: Some(("avif.stage", stage)), ..named("avif.stage.duration", "s", 1e-3) };
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_two_metrics_are_one() {
        let names: BTreeSet<_> = Metric::ALL.into_iter().map(Metric::name).collect();
        let otel: BTreeSet<_> = Metric::ALL.into_iter().map(|m| (m.otel().name, m.otel().attribute)).collect();
        assert_eq!((names.len(), otel.len()), (Metric::ALL.len(), Metric::ALL.len()));
        assert!(Metric::ALL.is_sorted(), "in the order of their declaration");
    }

    #[test]
    fn the_docs_list_every_metric() {
        let docs = std::fs::read_to_string("../../docs/telemetry.md").unwrap();
        let row = |m: Metric| format!("| `{}` | {} | `{}` | ", m.name(), m.cloudwatch_unit(), m.otel().name);
        for metric in Metric::ALL {
            assert!(docs.contains(&row(metric)), "{metric:?}");
        }
    }
}
