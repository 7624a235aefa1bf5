//! Converts spans to OTLP.

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span as OtelSpan, Status};
use opentelemetry_semantic_conventions::attribute as standard;

use super::attributes::{SCHEMA_URL, attribute, scope, string_attribute};
use crate::queue::QueuedItem;
use crate::span::{Operation, Span};

pub(super) fn request(spans: &[QueuedItem<Span>], resource: &Resource) -> ExportTraceServiceRequest {
    let function = resource.attributes.iter().find(|attribute| attribute.key == standard::FAAS_NAME);
    let function = function.and_then(|attribute| match attribute.value.as_ref()?.value.as_ref()? {
        Any::StringValue(name) => Some(name.as_str()),
        _ => None,
    });
    let spans = spans.iter().map(|queued| otel_span(&queued.item, function.unwrap_or("invocation"))).collect();
    let scope_spans = vec![ScopeSpans { scope: Some(scope()), spans, schema_url: SCHEMA_URL.into() }];
    let resource = Some(resource.clone());
    ExportTraceServiceRequest {
        resource_spans: vec![ResourceSpans { resource, scope_spans, schema_url: SCHEMA_URL.into() }],
    }
}

fn otel_span(span: &Span, function: &str) -> OtelSpan {
    let mut attributes = vec![string_attribute(standard::FAAS_INVOCATION_ID, &span.context.request_id)];
    let (name, kind) = match &span.operation {
        Operation::Init => ("init", SpanKind::Internal),
        Operation::Invocation => {
            attributes.push(attribute(standard::FAAS_COLDSTART, Any::BoolValue(span.context.is_cold_start)));
            (function, SpanKind::Server)
        }
        Operation::Image { at, outcome } => {
            attributes.extend([string_attribute("avif.source", at), string_attribute("avif.outcome", outcome)]);
            ("image", SpanKind::Internal)
        }
        Operation::Stage(stage) => (stage.name(), SpanKind::Internal),
    };
    let status = span.error.as_ref().map(|error| {
        // The attribute `error.type` should have few different values. The error of an image is a sentence, so the
        // outcome is used instead.
        let error_type = if let Operation::Image { outcome, .. } = span.operation { outcome } else { error };
        attributes.push(string_attribute(standard::ERROR_TYPE, error_type));
        Status { message: error.clone(), code: StatusCode::Error.into() }
    });
    OtelSpan {
        trace_id: span.context.trace_id.into(),
        span_id: span.id.into(),
        parent_span_id: span.parent.map(Vec::from).unwrap_or_default(),
        // The flag "sampled": the span is exported even if X-Ray does not sample the invocation.
        flags: 1,
        name: name.into(),
        kind: kind.into(),
        start_time_unix_nano: span.started,
        end_time_unix_nano: span.ended,
        attributes,
        status,
        ..OtelSpan::default()
    }
}
