//! Spans as OTLP has them.

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span as Otel, Status};
use opentelemetry_semantic_conventions::attribute as standard;

use super::value::{SCHEMA, pair, scope, text};
use crate::ledger::{Span, What};
use crate::queue::Weighed;

pub(super) fn request(spans: &[Weighed<Span>], resource: &Resource) -> ExportTraceServiceRequest {
    let name = resource.attributes.iter().find(|attribute| attribute.key == standard::FAAS_NAME);
    let name = name.and_then(|attribute| match attribute.value.as_ref()?.value.as_ref()? {
        Any::StringValue(name) => Some(name.as_str()),
        _ => None,
    });
    let spans = spans.iter().map(|(_, span)| otel(span, name.unwrap_or("invocation"))).collect();
    let scope_spans = vec![ScopeSpans { scope: Some(scope()), spans, schema_url: SCHEMA.into() }];
    let resource = Some(resource.clone());
    ExportTraceServiceRequest {
        resource_spans: vec![ResourceSpans { resource, scope_spans, schema_url: SCHEMA.into() }],
    }
}

fn otel(span: &Span, function: &str) -> Otel {
    let mut attributes = vec![text(standard::FAAS_INVOCATION_ID, &span.context.request_id)];
    let (name, kind) = match &span.what {
        What::Init => ("init", SpanKind::Internal),
        What::Invocation => {
            attributes.push(pair(standard::FAAS_COLDSTART, Any::BoolValue(span.context.cold)));
            (function, SpanKind::Server)
        }
        What::PlanarImage { at, outcome } => {
            attributes.extend([text("avif.source", at), text("avif.outcome", outcome)]);
            ("image", SpanKind::Internal)
        }
        What::Stage(stage) => (stage.name(), SpanKind::Internal),
    };
    let status = span.error.as_ref().map(|error| {
        // A kind, of which there are few: an image's error is a sentence.
        let kind = if let What::PlanarImage { outcome, .. } = span.what { outcome } else { error };
        attributes.push(text(standard::ERROR_TYPE, kind));
        Status { message: error.clone(), code: StatusCode::Error.into() }
    });
    Otel {
        trace_id: span.context.trace.into(),
        span_id: span.id.into(),
        parent_span_id: span.parent.map(Vec::from).unwrap_or_default(),
        // Sampled: it is exported, whatever X-Ray decided for itself.
        flags: 1,
        name: name.into(),
        kind: kind.into(),
        start_time_unix_nano: span.began,
        end_time_unix_nano: span.ended,
        attributes,
        status,
        ..Otel::default()
    }
}
