//! Answers HTTP requests with variants. A request is the event of a Lambda function URL, or of an HTTP API of Amazon API
//! Gateway with the payload format 2.0.
//!
//! ```text
//! event -> HttpRequest -> Resolution -> Answer -> HttpResponse
//!     request        resolve       transfer   respond
//! ```
//!
//! The resolution is pure: it decides by the path, the query, the `Accept` header and the settings which variant a client
//! gets. `deploy/terraform/modules/cdn` decides the same in JavaScript. `tests/serve-vectors.json` tests both.

mod accept;
mod disposition;
mod path;
mod query;
mod request;
mod resolve;
mod respond;
mod response;

pub use request::HttpRequest;
pub use resolve::{Refusal, Resolution, resolve};
pub(crate) use respond::{Responded, respond};
