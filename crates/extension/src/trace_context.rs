//! The identifiers of an invocation in its trace.

use std::hash::{DefaultHasher, Hash, Hasher};

use crate::record::Tracing;

/// An invocation and its identifiers in a trace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TraceContext {
    /// The request identifier of the invocation.
    pub request_id: String,
    /// The trace identifier of X-Ray, in OpenTelemetry's format.
    pub trace_id: [u8; 16],
    /// The identifier of the invocation's span.
    pub span_id: [u8; 8],
    /// The identifier of the caller's span, if the X-Ray header contains one.
    pub parent_span_id: Option<[u8; 8]>,
    /// Whether Lambda started an environment for the invocation.
    pub is_cold_start: bool,
}

impl TraceContext {
    /// Creates the context of an invocation. Attempts of one event have the same request identifier, so the start time
    /// distinguishes them.
    pub(crate) fn new(request_id: &str, tracing: Option<&Tracing>, started: u64) -> Self {
        let header = tracing.map(|tracing| tracing.value.as_str()).unwrap_or_default();
        let field = |name: &str| header.split(';').find_map(|part| part.trim().strip_prefix(name)?.strip_prefix('='));
        // For example Root=1-5759e988-bd862e3fe1be46a994272793: a version, 32 bits of time, 96 random bits.
        let root = field("Root").and_then(|root| root.strip_prefix("1-")).map(|root| root.replace('-', ""));
        // Without an X-Ray header, the request identifier, a UUID, is the trace identifier.
        let trace_id = root.as_deref().and_then(parse_id).or_else(|| parse_id(&request_id.replace('-', "")));
        let span_id = tracing.and_then(|tracing| parse_id(tracing.span_id.as_deref()?));
        Self {
            request_id: request_id.into(),
            trace_id: trace_id.unwrap_or_else(|| u128::from(hash(&request_id)).to_be_bytes()),
            span_id: span_id.unwrap_or_else(|| hash(&(request_id, started)).to_be_bytes()),
            parent_span_id: field("Parent").and_then(parse_id),
            is_cold_start: false,
        }
    }

    /// Returns the identifier of a span of this invocation. The same names always result in the same identifier, so a
    /// late record refers to the right span.
    pub(crate) fn child_span_id(&self, names: &[&str]) -> [u8; 8] {
        hash(&(self.span_id, names)).to_be_bytes()
    }
}

/// Parses an identifier in hexadecimal. `None` if all its bytes are zero, which OpenTelemetry does not allow.
fn parse_id<const LENGTH: usize>(hexadecimal: &str) -> Option<[u8; LENGTH]> {
    if hexadecimal.len() != 2 * LENGTH || !hexadecimal.is_ascii() {
        return None;
    }
    let mut bytes = [0; LENGTH];
    for (at, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&hexadecimal[2 * at..2 * at + 2], 16).ok()?;
    }
    bytes.iter().any(|byte| *byte != 0).then_some(bytes)
}

/// Returns a hash that is never 0, because OpenTelemetry does not allow an identifier of zeros.
fn hash(names: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    names.hash(&mut hasher);
    hasher.finish().max(1)
}
