//! The `Accept` header (RFC 9110, section 12.5.1).

use model::OutputFormat;

/// Whether a client with this `Accept` header shows images in a format.
///
/// AVIF and WebP must be named, because clients that show neither send `*/*` or `image/*`. JPEG is allowed by the entry that
/// names it most exactly. A client without the header shows JPEG.
pub(super) fn allows(accept: Option<&str>, format: OutputFormat) -> bool {
    let accept = accept.map(str::trim).filter(|accept| !accept.is_empty());
    let quality = |media_range: &str| quality(accept.unwrap_or_default(), media_range);
    match format {
        OutputFormat::Avif | OutputFormat::Webp => quality(format.media_type()).is_some_and(|quality| quality > 0.0),
        OutputFormat::Jpeg => {
            let ranges = [format.media_type(), "image/*", "*/*"];
            accept.is_none() || ranges.into_iter().find_map(quality).is_some_and(|quality| quality > 0.0)
        }
    }
}

/// Returns the highest quality value of the entries with this media range. Parameters other than `q` are ignored. An entry with
/// an invalid quality value does not count.
fn quality(accept: &str, media_range: &str) -> Option<f32> {
    let entry = |entry: &str| {
        let mut parts = entry.split(';').map(str::trim);
        if !parts.next()?.eq_ignore_ascii_case(media_range) {
            return None;
        }
        let is_quality = |(name, _): &(&str, &str)| name.trim().eq_ignore_ascii_case("q");
        match parts.filter_map(|part| part.split_once('=')).find(is_quality) {
            Some((_, text)) => parse_quality(text.trim()),
            None => Some(1.0),
        }
    };
    accept.split(',').filter_map(entry).reduce(f32::max)
}

/// Parses a quality value: a number from 0 to 1 with at most three decimals.
fn parse_quality(text: &str) -> Option<f32> {
    let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
    let is_valid =
        matches!(whole, "0" | "1") && decimals.len() <= 3 && decimals.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|quality| is_valid && *quality <= 1.0)
}
