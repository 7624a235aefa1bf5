//! Stretches of time under a trace.

use std::hash::{DefaultHasher, Hash, Hasher};

use model::{Outcome, Report, Timings};

use super::Item;
use crate::metric::Metric;
use crate::record::Tracing;

/// Where in a trace an invocation is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Context {
    /// The invocation.
    pub request_id: String,
    /// X-Ray's trace, in OpenTelemetry's form.
    pub trace: [u8; 16],
    /// The invocation's own span.
    pub span: [u8; 8],
    /// Who called, where X-Ray knows.
    pub parent: Option<[u8; 8]>,
    /// Whether an environment was started for it.
    pub cold: bool,
}

/// A stretch of time.
#[derive(Debug, Clone, PartialEq)]
pub struct Span {
    /// The invocation in which it lies.
    pub context: Context,
    /// Its own identifier.
    pub id: [u8; 8],
    /// What it is a part of.
    pub parent: Option<[u8; 8]>,
    /// What happened.
    pub what: What,
    /// Nanoseconds since 1970.
    pub began: u64,
    /// Nanoseconds since 1970.
    pub ended: u64,
    /// What kind of error it ended in.
    pub error: Option<String>,
}

/// What happens in a span.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// The environment is started.
    Init,
    /// The function has an event in hand.
    Invocation,
    /// One image.
    PlanarImage {
        /// `s3://bucket/key`
        at: String,
        /// `converted`, `refused` and so on.
        outcome: &'static str,
    },
    /// One stage of an image.
    Stage(Stage),
}

/// The stages of an image, in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Reading the source.
    Fetch,
    /// A file to pixels.
    Decode,
    /// Turning, colors and sizes.
    Transform,
    /// Pixels to AVIF.
    Encode,
    /// Writing the variants.
    Store,
}

impl Stage {
    /// Its name as a span.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Fetch => "fetch",
            Self::Decode => "decode",
            Self::Transform => "transform",
            Self::Encode => "encode",
            Self::Store => "store",
        }
    }

    pub(super) fn metric(self) -> Metric {
        match self {
            Self::Fetch => Metric::FetchTime,
            Self::Decode => Metric::DecodeTime,
            Self::Transform => Metric::TransformTime,
            Self::Encode => Metric::EncodeTime,
            Self::Store => Metric::StoreTime,
        }
    }

    /// The stages that were reached, in milliseconds.
    pub(super) fn of(took: &Timings) -> impl Iterator<Item = (Self, f64)> {
        let Timings { fetch_ms, decode_ms, transform_ms, encode_ms, store_ms } = *took;
        let stages = [
            (Self::Fetch, fetch_ms),
            (Self::Decode, decode_ms),
            (Self::Transform, transform_ms),
            (Self::Encode, encode_ms),
            (Self::Store, store_ms),
        ];
        stages.into_iter().filter(|(_, milliseconds)| *milliseconds > 0.0)
    }
}

impl Context {
    /// Of an invocation that began at that time, which tells several tries of one event apart.
    pub(super) fn new(request_id: &str, tracing: Option<&Tracing>, began: u64) -> Self {
        let header = tracing.map(|tracing| tracing.value.as_str()).unwrap_or_default();
        let field = |name: &str| header.split(';').find_map(|part| part.trim().strip_prefix(name)?.strip_prefix('='));
        // `1-5759e988-bd862e3fe1be46a994272793`: a version, 32 bits of time, 96 random ones.
        let root = field("Root").and_then(|root| root.strip_prefix("1-")).map(|root| root.replace('-', ""));
        // Without X-Ray the invocation's own UUID is as good.
        let trace = root.as_deref().and_then(bytes).or_else(|| bytes(&request_id.replace('-', "")));
        let own = tracing.and_then(|tracing| bytes(tracing.span_id.as_deref()?));
        Self {
            request_id: request_id.into(),
            trace: trace.unwrap_or_else(|| u128::from(hash(&request_id)).to_be_bytes()),
            span: own.unwrap_or_else(|| hash(&(request_id, began)).to_be_bytes()),
            parent: field("Parent").and_then(bytes),
            cold: false,
        }
    }
}

impl Span {
    pub(super) fn invocation(context: &Context, began: u64, ended: u64, error: Option<String>) -> Self {
        let context = context.clone();
        Self { id: context.span, parent: context.parent, context, what: What::Invocation, began, ended, error }
    }

    pub(super) fn init(context: &Context, began: u64, ended: u64) -> Self {
        Self { began, ended, ..Self::below(context, What::Init, &["init"]) }
    }

    /// An image's span with one for each of its stages. They were measured, but not when they began: they are laid one
    /// after the other, up to when the report was written.
    pub(super) fn image(context: &Context, number: u64, report: &Report, ended: u64) -> Vec<Item> {
        let number = number.to_string();
        let stages: Vec<_> = Stage::of(&report.timings).collect();
        let total: f64 = stages.iter().map(|(_, milliseconds)| milliseconds).sum();
        let began = ended.saturating_sub(nanoseconds(total));
        let (outcome, error) = match &report.outcome {
            Outcome::Converted { .. } => ("converted", None),
            Outcome::Deleted { .. } => ("deleted", None),
            Outcome::Skipped { .. } => ("skipped", None),
            Outcome::Rejected { reason } => ("rejected", Some(reason.clone())),
            Outcome::Failed { reason } => ("failed", Some(reason.clone())),
        };
        let what = What::PlanarImage { at: report.job.source.at.to_string(), outcome };
        let image = Self { began, ended, error, ..Self::below(context, what, &["image", &number]) };
        let parent = Some(image.id);
        let mut items = vec![Item::Span(image)];
        let mut at = began;
        for (stage, milliseconds) in stages {
            let ended = at.saturating_add(nanoseconds(milliseconds));
            let span = Self::below(context, What::Stage(stage), &[stage.name(), &number]);
            items.push(Item::Span(Self { began: at, ended, parent, ..span }));
            at = ended;
        }
        items
    }

    fn below(context: &Context, what: What, path: &[&str]) -> Self {
        let id = hash(&(context.span, path)).to_be_bytes();
        Self { context: context.clone(), id, parent: Some(context.span), what, began: 0, ended: 0, error: None }
    }
}

/// Milliseconds, which are not negative, in whole nanoseconds.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a cast of floats saturates")]
pub(super) fn nanoseconds(milliseconds: f64) -> u64 {
    (milliseconds * 1e6).round() as u64
}

/// An identifier in hexadecimal. All zeros are none.
fn bytes<const LENGTH: usize>(hexadecimal: &str) -> Option<[u8; LENGTH]> {
    if hexadecimal.len() != 2 * LENGTH || !hexadecimal.is_ascii() {
        return None;
    }
    let mut bytes = [0; LENGTH];
    for (at, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&hexadecimal[2 * at..2 * at + 2], 16).ok()?;
    }
    bytes.iter().any(|byte| *byte != 0).then_some(bytes)
}

/// The same for the same names, so that a record that comes late finds what it belongs to. Never 0, which is no
/// identifier.
fn hash(names: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    names.hash(&mut hasher);
    hasher.finish().max(1)
}
