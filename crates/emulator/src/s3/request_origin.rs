//! Rejects requests from web pages. A web page in a browser on this machine can send requests to loopback: by a host
//! name that resolves to loopback (DNS rebinding), by HTML forms and by scripts.

use axum::http::header::{CONTENT_TYPE, HOST, ORIGIN};
use axum::http::uri::Authority;
use axum::http::{Method, Request};

/// The host names of loopback.
const LOOPBACK_HOSTS: [&str; 3] = ["127.0.0.1", "localhost", "[::1]"];

/// Returns the reason to reject a request to this port, if there is one.
pub(super) fn rejection<B>(request: &Request<B>, port: u16) -> Option<String> {
    let headers = request.headers();
    let all = |name| headers.get_all(name).iter().map(|value| value.to_str().unwrap_or("(not text)"));
    let hosts: Vec<&str> = all(HOST).chain(request.uri().authority().map(Authority::as_str)).collect();
    if hosts.is_empty() {
        return Some("The request has no host.".into());
    }
    if let Some(host) = hosts.iter().find(|host| !is_loopback(host, port)) {
        return Some(format!("The host {host:?} is not this server. Use http://127.0.0.1:{port}."));
    }
    let is_foreign = |origin: &&str| !origin.strip_prefix("http://").is_some_and(|host| is_loopback(host, port));
    if let Some(origin) = all(ORIGIN).find(is_foreign) {
        return Some(format!("The request comes from a web page of {origin:?}."));
    }
    let is_form =
        all(CONTENT_TYPE).any(|kind| kind.trim_start().to_ascii_lowercase().starts_with("multipart/form-data"));
    (request.method() == Method::POST && is_form).then(|| "This server does not accept uploads from HTML forms.".into())
}

fn is_loopback(host: &str, port: u16) -> bool {
    let Ok(host) = host.parse::<Authority>() else { return false };
    !host.as_str().contains('@') && LOOPBACK_HOSTS.contains(&host.host()) && host.port_u16().unwrap_or(80) == port
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rejection_of(method: &str, uri: &str, headers: &[(&str, &str)]) -> Option<String> {
        let request = Request::builder().method(method).uri(uri);
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        rejection(&request.body(()).unwrap(), 9900)
    }

    #[test]
    fn request_with_a_foreign_host_is_rejected() {
        for host in ["127.0.0.1:9900", "localhost:9900", "[::1]:9900"] {
            assert_eq!(rejection_of("GET", "/photos/a.jpg", &[("host", host)]), None, "{host}");
            let origin = format!("http://{host}");
            assert_eq!(rejection_of("GET", "/", &[("host", host), ("origin", &origin)]), None, "{origin}");
        }
        for host in [
            "evil.example:9900",
            "127.0.0.1",
            "127.0.0.1:9901",
            "127.0.0.1.evil.example:9900",
            "a@127.0.0.1:9900",
            "",
            "127.1:9900",
        ] {
            let rejection = rejection_of("GET", "/", &[("host", host)]);
            assert!(rejection.is_some_and(|rejection| rejection.contains("not this server")), "{host}");
        }
        assert!(rejection_of("GET", "/", &[]).is_some());
        assert!(rejection_of("GET", "http://evil.example:9900/", &[("host", "127.0.0.1:9900")]).is_some());
        assert!(rejection_of("GET", "/", &[("host", "127.0.0.1:9900"), ("host", "evil.example:9900")]).is_some());
    }

    #[test]
    fn request_from_a_web_page_is_rejected() {
        let host = ("host", "127.0.0.1:9900");
        for origin in ["http://evil.example", "null", "https://127.0.0.1:9900", "http://127.0.0.1:3000", ""] {
            let rejection = rejection_of("PUT", "/photos/a.jpg", &[host, ("origin", origin)]);
            assert!(rejection.is_some_and(|rejection| rejection.contains("web page")), "{origin}");
        }
        let form = ("content-type", "Multipart/Form-Data; boundary=a");
        assert!(rejection_of("POST", "/photos", &[host, form]).is_some());
        assert_eq!(rejection_of("POST", "/photos/a?uploads", &[host, ("content-type", "image/jpeg")]), None);
    }
}
