//! `avif picture`: reads a manifest and prints HTML.

use std::io::Write;
use std::process::Stdio;

use serde_json::json;

use super::*;

const HOSTILE_KEY: &str = r#"写真 1+2%,"><script>alert(1)</script>?#.jpg"#;

/// Returns a manifest with an AVIF and a JPEG of each width.
fn manifest(key: &str, widths: &[u32]) -> Value {
    let variant = |width: &u32, format: &str, suffix: &str| {
        json!({
            "bucket": "photos", "key": format!("{key}.w{width}{suffix}"), "asked": width.to_string(), "format": format,
            "width": width, "height": width / 2, "type": format!("image/{format}"), "bytes": 9, "sha256": "0f".repeat(32), "etag": "0c"
        })
    };
    let variants =
        widths.iter().flat_map(|width| [variant(width, "avif", ".avif"), variant(width, "jpeg", ".avif.jpg")]);
    json!({
        "manifest_version": 2,
        "source": {
            "bucket": "photos", "key": key, "etag": "0a", "format": "jpeg", "width": 640, "height": 320, "bytes": 20,
            "frames": 1, "alpha": false, "animated": false
        },
        "recipe": "0123456789abcdef",
        "placeholder": { "thumbhash": "1QcSHQRnh493V4dIh4eXh1h4kJUI", "color": "#0a80ff" },
        "variants": variants.collect::<Vec<_>>()
    })
}

fn picture(manifest: &str, arguments: &[&str]) -> Output {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a.avif.json"), manifest).unwrap();
    avif(folder.path(), &[&["picture", "a.avif.json"], arguments].concat())
}

fn html(manifest: &Value, arguments: &[&str]) -> String {
    let output = picture(&manifest.to_string(), arguments);
    assert_eq!((code(&output), text(&output.stderr).as_str()), (0, ""));
    text(&output.stdout)
}

#[test]
fn picture_lists_the_variants_of_a_manifest() {
    let html = html(&manifest("a b.jpg", &[640, 320]), &["--base-url", "https://cdn.example", "--alt", "A & B"]);
    let lines: Vec<&str> = html.lines().collect();
    assert_eq!(lines[0], "<picture>");
    assert_eq!(
        lines[1],
        r#"  <source type="image/avif" srcset="https://cdn.example/a%20b.jpg.w320.avif 320w, https://cdn.example/a%20b.jpg.w640.avif 640w" sizes="100vw">"#
    );
    let image = r#"  <img src="https://cdn.example/a%20b.jpg.w640.avif.jpg" srcset="https://cdn.example/a%20b.jpg.w320.avif.jpg 320w, https://cdn.example/a%20b.jpg.w640.avif.jpg 640w" sizes="100vw" width="640" height="320" alt="A &amp; B" loading="lazy" decoding="async" style="background:#0a80ff url(data:image/png;base64,"#;
    assert!(lines[2].starts_with(image), "{html}");
    assert_eq!(lines[3..], ["</picture>"]);
}

#[test]
fn options_change_sizes_loading_and_placeholder() {
    let html = html(&manifest("a.jpg", &[640]), &["--sizes", "50vw", "--eager", "--no-placeholder"]);
    assert_eq!(html.matches(r#" sizes="50vw""#).count(), 2, "{html}");
    assert!(html.ends_with(" alt=\"\" fetchpriority=\"high\" decoding=\"async\">\n</picture>\n"), "{html}");
}

#[test]
fn picture_reads_standard_input() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_avif"));
    let streams = command.args(["picture", "-"]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = streams.spawn().unwrap();
    child.stdin.take().unwrap().write_all(manifest("a.jpg", &[640]).to_string().as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(code(&output), 0);
    assert!(text(&output.stdout).contains(r#"src="a.jpg.w640.avif.jpg""#));
}

#[test]
fn hostile_manifest_and_arguments_inject_no_html() {
    let html = html(&manifest(HOSTILE_KEY, &[640]), &["--alt", "\"><script>", "--sizes", "\" onload=\"alert(1)"]);
    assert_eq!((html.matches('<').count(), html.matches('>').count()), (4, 4), "{html}");
    assert!(!html.contains(r#"" onload"#), "{html}");
    let url = "%E5%86%99%E7%9C%9F%201%2B2%25%2C%22%3E%3Cscript%3Ealert%281%29%3C/script%3E%3F%23.jpg.w640.avif 640w";
    assert!(html.contains(url), "{html}");

    let mut manifest = manifest("a.jpg", &[640]);
    manifest["placeholder"]["color"] = json!("red\" onload=\"alert(1)");
    let output = picture(&manifest.to_string(), &[]);
    assert_eq!((code(&output), text(&output.stdout).as_str()), (1, ""));
}

#[test]
fn base_url_with_another_scheme_is_wrong_usage() {
    for url in ["javascript:alert(1)//", "//evil.example", "data:text/html,"] {
        let output = picture("{}", &["--base-url", url]);
        assert_eq!(code(&output), 2, "{url}");
        assert!(text(&output.stderr).contains(url), "{}", text(&output.stderr));
    }
}

#[test]
fn unusable_manifest_is_reported_with_its_name_and_a_fix() {
    let mut newer = manifest("a.jpg", &[640]);
    newer["manifest_version"] = json!(3);
    for (manifest, expected) in [
        ("\u{89}PNG".to_owned(), "avif: a.avif.json: not a manifest; expected the JSON file"),
        (newer.to_string(), "avif: a.avif.json: the manifest has version 3, and this program reads versions up to 2"),
        (manifest("a.jpg", &[]).to_string(), "avif: a.avif.json: the manifest lists no variants, because"),
        (manifest("../a.jpg", &[640]).to_string(), "avif: a.avif.json: the key \"../a.jpg.w640.avif\" contains"),
    ] {
        let output = picture(&manifest, &[]);
        assert_eq!((code(&output), text(&output.stdout).as_str()), (1, ""));
        assert!(text(&output.stderr).starts_with(expected), "{}", text(&output.stderr));
    }
    let folder = tempfile::tempdir().unwrap();
    let output = avif(folder.path(), &["picture", "missing.avif.json"]);
    assert!(text(&output.stderr).starts_with("avif: missing.avif.json: cannot read the file: "));
}

/// The same manifest in version 1 has no format, no placeholder and no version.
#[test]
fn picture_reads_version_1() {
    let mut first = manifest("a.jpg", &[640]);
    let fields = first.as_object_mut().unwrap();
    fields.remove("manifest_version");
    fields.remove("placeholder");
    let variants = fields["variants"].as_array_mut().unwrap();
    variants.truncate(1);
    variants[0].as_object_mut().unwrap().remove("format");
    let html = html(&first, &[]);
    let expected = r#"<picture>
  <source type="image/avif" srcset="a.jpg.w640.avif 640w" sizes="100vw">
  <img src="a.jpg" width="640" height="320" alt="" loading="lazy" decoding="async">
</picture>
"#;
    assert_eq!(html, expected);
}
