//! Whether a request comes from a program of this machine, or from a page in its browser. A page reaches loopback, too: by a
//! name that its own server resolves to it (DNS rebinding), and by forms and scripts.

use axum::http::header::{CONTENT_TYPE, HOST, ORIGIN};
use axum::http::uri::Authority;
use axum::http::{Method, Request};

/// The names of this machine to itself.
const NAMES: [&str; 3] = ["127.0.0.1", "localhost", "[::1]"];

/// Why a request to that port is refused, if it is.
pub(super) fn objection<B>(request: &Request<B>, port: u16) -> Option<String> {
    let headers = request.headers();
    let all = |name| headers.get_all(name).iter().map(|value| value.to_str().unwrap_or("(no text)"));
    let hosts: Vec<&str> = all(HOST).chain(request.uri().authority().map(Authority::as_str)).collect();
    if hosts.is_empty() {
        return Some("The request names no host.".into());
    }
    if let Some(host) = hosts.iter().find(|host| !is_ours(host, port)) {
        return Some(format!("The host {host:?} is not this server. Use http://127.0.0.1:{port}."));
    }
    let is_foreign = |origin: &&str| !origin.strip_prefix("http://").is_some_and(|host| is_ours(host, port));
    if let Some(origin) = all(ORIGIN).find(is_foreign) {
        return Some(format!("The request comes from a web page of {origin:?}."));
    }
    let is_form =
        all(CONTENT_TYPE).any(|kind| kind.trim_start().to_ascii_lowercase().starts_with("multipart/form-data"));
    (request.method() == Method::POST && is_form).then(|| "This server takes no uploads by HTML forms.".into())
}

fn is_ours(host: &str, port: u16) -> bool {
    let Ok(host) = host.parse::<Authority>() else { return false };
    !host.as_str().contains('@') && NAMES.contains(&host.host()) && host.port_u16().unwrap_or(80) == port
}

#[cfg(test)]
mod tests {
    use super::*;

    fn objection_to(method: &str, uri: &str, headers: &[(&str, &str)]) -> Option<String> {
        let request = Request::builder().method(method).uri(uri);
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        objection(&request.body(()).unwrap(), 9900)
    }

    #[test]
    fn requests_of_this_machine_pass_and_others_are_refused() {
        for host in ["127.0.0.1:9900", "localhost:9900", "[::1]:9900"] {
            assert_eq!(objection_to("GET", "/photos/a.jpg", &[("host", host)]), None, "{host}");
            let origin = format!("http://{host}");
            assert_eq!(objection_to("GET", "/", &[("host", host), ("origin", &origin)]), None, "{origin}");
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
            let objection = objection_to("GET", "/", &[("host", host)]);
            assert!(objection.is_some_and(|objection| objection.contains("not this server")), "{host}");
        }
        assert!(objection_to("GET", "/", &[]).is_some());
        assert!(objection_to("GET", "http://evil.example:9900/", &[("host", "127.0.0.1:9900")]).is_some());
        assert!(objection_to("GET", "/", &[("host", "127.0.0.1:9900"), ("host", "evil.example:9900")]).is_some());
    }

    #[test]
    fn requests_of_web_pages_are_refused() {
        let host = ("host", "127.0.0.1:9900");
        for origin in ["http://evil.example", "null", "https://127.0.0.1:9900", "http://127.0.0.1:3000", ""] {
            let objection = objection_to("PUT", "/photos/a.jpg", &[host, ("origin", origin)]);
            assert!(objection.is_some_and(|objection| objection.contains("web page")), "{origin}");
        }
        let form = ("content-type", "Multipart/Form-Data; boundary=a");
        assert!(objection_to("POST", "/photos", &[host, form]).is_some());
        assert_eq!(objection_to("POST", "/photos/a?uploads", &[host, ("content-type", "image/jpeg")]), None);
    }
}
