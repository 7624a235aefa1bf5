//! Responds to one request.

use std::time::{Duration, Instant};

use bytes::Bytes;
use model::{Location, Report, VariantId, error_chain};
use settings::Serving;
use transfer::{
    Answer, Deadline, Plan, RequestedVariant, SourceLink, Store, StoredVariant, link_to_source, link_to_variant,
    provide_variant,
};

use super::disposition;
use super::path::path_of_key;
use super::response::{HttpResponse, NO_STORE, is_valid_header};
use super::{HttpRequest, Refusal, Resolution, resolve};
use crate::log::escape_control_characters;

/// The maximum size of an image in a response, in bytes. A response of Lambda has at most 6 MB, and base64 adds a third (AWS
/// Lambda Developer Guide, "Lambda quotas").
const MAX_BODY_BYTES: u64 = 4_500_000;
/// The maximum time for a response. CloudFront waits 30 s by default, and API Gateway waits 30 s at most.
const MAX_TIME: Duration = Duration::from_secs(25);

/// The `Cache-Control` header of a variant that has none. The variant of a replaced source has the same key, so the time is
/// limited.
const DEFAULT_CACHE_CONTROL: &str = "public, max-age=3600";
/// The `Cache-Control` header of a response that the next event of the source may change.
const BRIEF: &str = "public, max-age=10";
/// The `Cache-Control` header of a response that only another image or another setting changes. It is shorter than the validity
/// of a presigned URL.
const ONE_MINUTE: &str = "public, max-age=60";
/// The seconds after which a client may repeat a request that failed.
const RETRY_SECONDS: &str = "5";

/// The response to a request, and what the log says about it.
pub(crate) struct Responded {
    pub(crate) response: HttpResponse,
    /// The variant or the source, if the function serves it.
    pub(crate) at: Option<Location>,
    /// The report of the job, if the request is for a variant.
    pub(crate) report: Option<Report>,
}

/// A request for a variant.
struct VariantRequest<'request> {
    request: &'request HttpRequest,
    source: Location,
    id: VariantId,
    at: Location,
}

/// Responds to a request. Without settings for serving, the response to every request is 404.
pub(crate) async fn respond(
    store: &Store,
    plan: &Plan,
    serving: Option<&Serving>,
    request: &HttpRequest,
    deadline: Option<Deadline>,
) -> Responded {
    let Some(serving) = serving else { return Responded::without_object(refuse(&Refusal::NotServed)) };
    if !matches!(request.method.as_str(), "GET" | "HEAD") {
        let response = HttpResponse::error(405, NO_STORE, "only GET and HEAD are supported");
        return Responded::without_object(response.with("allow", "GET, HEAD"));
    }
    let (mut responded, is_negotiated) = match resolve(request, plan, serving) {
        Err(refusal) => (Responded::without_object(refuse(&refusal)), false),
        Ok(Resolution::Source { source }) => {
            let response = respond_with_source(store, &source, NO_STORE).await;
            (Responded { response, at: Some(source), report: None }, true)
        }
        Ok(Resolution::Variant { source, id, at, is_negotiated }) => {
            let variant = VariantRequest { request, source, id, at };
            (variant.respond(store, plan, limit_time(deadline)).await, is_negotiated)
        }
    };
    if is_negotiated {
        responded.response = responded.response.with("vary", "Accept");
    }
    if request.method == "HEAD" {
        responded.response = responded.response.without_body();
    }
    responded
}

/// Returns the deadline of a request.
fn limit_time(deadline: Option<Deadline>) -> Deadline {
    let limit = Deadline { at: Instant::now() + MAX_TIME, timeout: MAX_TIME };
    deadline.map_or(limit, |deadline| Deadline {
        at: deadline.at.min(limit.at),
        timeout: deadline.timeout.min(limit.timeout),
    })
}

fn refuse(refusal: &Refusal) -> HttpResponse {
    let (cache_control, message) = match refusal {
        Refusal::Path => (NO_STORE, "the path is not the percent-encoded key of an object".into()),
        Refusal::NotServed => (ONE_MINUTE, "there is no image at this path".into()),
        Refusal::QueryOfVariant => (NO_STORE, "the path is the key of a variant, which has no parameters".into()),
        Refusal::Query { sizes } => {
            let sizes = sizes.join(", ");
            (NO_STORE, format!("the only parameters are width=1 to width=32768, and size= with one of: {sizes}"))
        }
    };
    HttpResponse::error(refusal.status(), cache_control, &message)
}

/// Redirects to a source, if browsers show its format.
async fn respond_with_source(store: &Store, source: &Location, cache_control: &str) -> HttpResponse {
    match link_to_source(store, source).await {
        SourceLink::Url(url) => HttpResponse::redirect(cache_control, url),
        SourceLink::NotShown => {
            HttpResponse::error(406, NO_STORE, "the image exists in no format that the Accept header allows")
        }
        SourceLink::Absent => source_absent(),
        SourceLink::Failed { reason } => {
            tracing::warn!("cannot link to {source}: {}", escape_control_characters(&reason));
            failed()
        }
    }
}

fn source_absent() -> HttpResponse {
    HttpResponse::error(404, BRIEF, "there is no image at this path")
}

fn failed() -> HttpResponse {
    HttpResponse::error(503, NO_STORE, "the image cannot be provided now; try again").with("retry-after", RETRY_SECONDS)
}

fn stored_headers(status: u16, variant: &StoredVariant) -> HttpResponse {
    let cache_control = variant.cache_control.as_deref().filter(|text| is_valid_header(text));
    HttpResponse::new(status, cache_control.unwrap_or(DEFAULT_CACHE_CONTROL)).with("etag", variant.etag.as_str())
}

impl VariantRequest<'_> {
    async fn respond(self, store: &Store, plan: &Plan, deadline: Deadline) -> Responded {
        let needs_body = |variant: &StoredVariant| {
            self.request.method != "HEAD" && !self.has_variant(variant) && variant.bytes <= MAX_BODY_BYTES
        };
        let requested = RequestedVariant { source: &self.source, id: self.id, needs_body: &needs_body };
        let (answer, report) = provide_variant(store, requested, plan, Some(deadline)).await;
        let response = match answer {
            Answer::Stored { variant, body } => self.respond_with_stored(store, &variant, body).await,
            Answer::NotStored { body } if body.len() as u64 > MAX_BODY_BYTES => failed(),
            Answer::NotStored { body } => self.image(HttpResponse::new(200, BRIEF)).with_image(body),
            Answer::LargerThanSource => respond_with_source(store, &self.source, ONE_MINUTE).await,
            Answer::SourceAbsent => source_absent(),
            Answer::Rejected { problem } => {
                let problem = problem.unwrap_or_else(|| "it is not available".into());
                HttpResponse::error(415, BRIEF, &format!("the image cannot be converted: {problem}"))
            }
            Answer::Failed => failed(),
        };
        Responded { response, at: Some(self.at), report: Some(report) }
    }

    async fn respond_with_stored(&self, store: &Store, variant: &StoredVariant, body: Option<Bytes>) -> HttpResponse {
        if self.has_variant(variant) {
            return stored_headers(304, variant);
        }
        if variant.bytes <= MAX_BODY_BYTES {
            let response = self.image(stored_headers(200, variant));
            return match body {
                Some(body) => response.with_image(body),
                None => response,
            };
        }
        // Behind CloudFront, S3 answers the second request, because the variant is stored now.
        if self.request.is_from_cdn {
            return HttpResponse::redirect(NO_STORE, path_of_key(&variant.at.key));
        }
        match link_to_variant(store, &variant.at, self.id.format).await {
            Ok(url) => HttpResponse::redirect(NO_STORE, url),
            Err(error) => {
                tracing::warn!("cannot link to {}: {}", variant.at, escape_control_characters(&error_chain(&error)));
                failed()
            }
        }
    }

    /// Adds the headers of an image.
    fn image(&self, response: HttpResponse) -> HttpResponse {
        response
            .with("content-type", self.id.format.media_type())
            .with("content-disposition", disposition::inline(&self.at.key))
    }

    /// Whether the client has the variant: its ETag is in `If-None-Match` (RFC 9110, section 13.1.2).
    fn has_variant(&self, variant: &StoredVariant) -> bool {
        let Some(list) = &self.request.if_none_match else { return false };
        let mut entries = list.split(',').map(str::trim);
        entries.any(|entry| entry == "*" || entry.strip_prefix("W/").unwrap_or(entry) == variant.etag)
    }
}

impl Responded {
    /// The response to a request that the end of the execution environment interrupts.
    pub(crate) fn interrupted() -> Self {
        Self::without_object(failed())
    }

    fn without_object(response: HttpResponse) -> Self {
        Self { response, at: None, report: None }
    }
}
