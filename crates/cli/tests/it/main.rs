//! Runs the real program `avif` as a child process.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod backfill;
#[path = "../../../function/tests/it/moto.rs"]
mod moto;
mod picture;

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use image::{Rgb, RgbImage};
use serde_json::Value;

fn avif(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_avif")).current_dir(folder).args(arguments).output().unwrap()
}

fn code(output: &Output) -> i32 {
    output.status.code().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// Writes an image with some texture, in the format of the file extension.
fn image(folder: &Path, name: &str) {
    let shade = |value: u32| u8::try_from(value % 256).unwrap();
    let path = folder.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    RgbImage::from_fn(120, 80, |x, y| Rgb([shade(x * 2), shade(y * 3), shade(x * 31 + y * 17)])).save(path).unwrap();
}

/// Returns the paths of all files below the directory, including hidden files.
fn files(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = vec![];
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if path.is_dir() {
            names.extend(files(&path).into_iter().map(|inner| format!("{name}/{inner}")));
        } else {
            names.push(name);
        }
    }
    names.sort();
    names
}

#[test]
fn outputs_of_files_and_directories_have_the_names_that_the_function_uses() {
    let folder = tempfile::tempdir().unwrap();
    image(folder.path(), "写真 1+2%.png");
    image(folder.path(), "album/a.bmp");
    fs::write(folder.path().join("album/notes.txt"), "no image").unwrap();
    let output = avif(folder.path(), &["convert", "写真 1+2%.png", "album", "--size", "full,60", "--speed", "10"]);
    assert_eq!(code(&output), 0, "{}", text(&output.stderr));
    let expected = [
        "album/a.bmp",
        "album/a.bmp.avif",
        "album/a.bmp.w60.avif",
        "album/notes.txt",
        "写真 1+2%.png",
        "写真 1+2%.png.avif",
        "写真 1+2%.png.w60.avif",
    ];
    assert_eq!(files(folder.path()), expected);
    let table = text(&output.stdout);
    assert!(table.contains("album/a.bmp.w60.avif") && table.contains("60x40"), "{table}");
}

#[test]
fn outputs_in_other_formats_are_not_converted_again() {
    let folder = tempfile::tempdir().unwrap();
    image(folder.path(), "a.bmp");
    for _ in 0..2 {
        let output =
            avif(folder.path(), &["convert", ".", "--format", "avif,webp,jpeg", "--speed", "10", "--overwrite"]);
        assert_eq!(code(&output), 0, "{}", text(&output.stderr));
        assert_eq!(files(folder.path()), ["a.bmp", "a.bmp.avif", "a.bmp.avif.jpg", "a.bmp.avif.webp"]);
    }
}

#[test]
fn name_of_the_output_file_chooses_the_format() {
    let folder = tempfile::tempdir().unwrap();
    image(folder.path(), "a.bmp");
    for (name, format) in [("b.webp", image::ImageFormat::WebP), ("b.JPG", image::ImageFormat::Jpeg)] {
        let output = avif(folder.path(), &["convert", "a.bmp", "-o", name, "--speed", "10"]);
        assert_eq!(code(&output), 0, "{}", text(&output.stderr));
        assert_eq!(image::guess_format(&fs::read(folder.path().join(name)).unwrap()).unwrap(), format);
    }
    let before = fs::read(folder.path().join("b.webp")).unwrap();
    let output = avif(folder.path(), &["convert", "b.webp", "-o", "./b.webp", "--overwrite"]);
    assert!(code(&output) == 1 && text(&output.stderr).contains("is the input; choose another name"));
    assert_eq!(fs::read(folder.path().join("b.webp")).unwrap(), before);
}

#[test]
fn output_directory_keeps_the_subdirectories() {
    let folder = tempfile::tempdir().unwrap();
    image(folder.path(), "album/deep/a.bmp");
    let output = avif(folder.path(), &["convert", "album", "-o", "out", "--speed", "10"]);
    assert_eq!(code(&output), 0, "{}", text(&output.stderr));
    assert_eq!(files(&folder.path().join("out")), ["deep/a.bmp.avif"]);
}

/// The image is larger than 64 pixels, so SVT-AV1 encodes it. By default, SVT-AV1 writes twenty lines to standard
/// error.
#[test]
fn successful_conversion_writes_nothing_to_standard_error() {
    let folder = tempfile::tempdir().unwrap();
    let noise = |x: u32, y: u32| u8::try_from((x.wrapping_mul(31) ^ y.wrapping_mul(17)) % 64 + 96).unwrap();
    RgbImage::from_fn(320, 240, |x, y| Rgb([noise(x, y); 3])).save(folder.path().join("a.bmp")).unwrap();
    let output = avif(folder.path(), &["convert", "a.bmp", "--speed", "10"]);
    assert_eq!((code(&output), text(&output.stderr).as_str()), (0, ""));
}

#[test]
fn each_failed_input_is_named_and_the_others_are_converted() {
    let folder = tempfile::tempdir().unwrap();
    image(folder.path(), "good.bmp");
    fs::write(folder.path().join("bad.jpg"), "no image").unwrap();
    let output = avif(folder.path(), &["convert", "bad.jpg", "good.bmp", "missing.jpg", "--speed", "10", "--json"]);
    assert_eq!(code(&output), 1);
    let errors = text(&output.stderr);
    assert!(errors.contains("avif: bad.jpg: ") && errors.contains("avif: missing.jpg: "), "{errors}");
    assert_eq!(files(folder.path()), ["bad.jpg", "good.bmp", "good.bmp.avif"]);
    let lines: Vec<Value> = text(&output.stdout).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let outcomes: Vec<_> = lines.iter().map(|line| line["outcome"].as_str().unwrap()).collect();
    assert_eq!(outcomes, ["failed", "converted", "failed"]);
}

#[test]
fn existing_output_is_replaced_only_with_overwrite() {
    let folder = tempfile::tempdir().unwrap();
    image(folder.path(), "a.bmp");
    fs::write(folder.path().join("a.bmp.avif"), "precious").unwrap();
    let output = avif(folder.path(), &["convert", "a.bmp", "--speed", "10"]);
    assert_eq!(code(&output), 1);
    assert!(text(&output.stderr).contains("a.bmp.avif exists already; use --overwrite to replace it"));
    assert_eq!(fs::read(folder.path().join("a.bmp.avif")).unwrap(), b"precious");
    let output = avif(folder.path(), &["convert", "a.bmp", "--speed", "10", "--overwrite"]);
    assert_eq!(code(&output), 0, "{}", text(&output.stderr));
    assert_eq!(files(folder.path()), ["a.bmp", "a.bmp.avif"]);
    assert_ne!(fs::read(folder.path().join("a.bmp.avif")).unwrap(), b"precious");
}

#[test]
fn wrong_usage_has_exit_code_2() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(code(&avif(folder.path(), &["convert"])), 2);
    let output = avif(folder.path(), &["convert", "a.jpg", "--quality", "high"]);
    assert_eq!(code(&output), 2);
    assert!(text(&output.stderr).contains("high"));
}

#[test]
fn inspect_shows_the_properties_of_a_file() {
    let folder = tempfile::tempdir().unwrap();
    image(folder.path(), "a.png");
    avif(folder.path(), &["convert", "a.png", "-o", "b.avif", "--speed", "10", "--keep-larger"]);
    let output = avif(folder.path(), &["inspect", "a.png", "b.avif", "--json"]);
    assert_eq!(code(&output), 0, "{}", text(&output.stderr));
    let lines: Vec<Value> = text(&output.stdout).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((lines[0]["format"].as_str(), lines[0]["width"].as_u64()), (Some("PNG"), Some(120)));
    assert_eq!((lines[1]["format"].as_str(), lines[1]["height"].as_u64()), (Some("AVIF"), Some(80)));
    assert_eq!((lines[1]["orientation"].as_str(), lines[1]["alpha"].as_bool()), (Some("upright"), Some(false)));
    assert!(lines[1]["cicp"].as_str().unwrap().starts_with("1/13/"), "{}", lines[1]);
    assert_eq!(code(&avif(folder.path(), &["inspect", "missing.avif"])), 1);
}

#[test]
fn completions_and_manual_pages_contain_the_commands() {
    let folder = tempfile::tempdir().unwrap();
    assert!(text(&avif(folder.path(), &["completions", "bash"]).stdout).contains("convert"));
    assert_eq!(code(&avif(folder.path(), &["man", "pages"])), 0);
    assert!(files(&folder.path().join("pages")).contains(&"avif-convert.1".to_owned()));
}

#[test]
fn contradictory_arguments_are_wrong_usage() {
    let folder = tempfile::tempdir().unwrap();
    image(folder.path(), "a.bmp");
    image(folder.path(), "b.bmp");
    for arguments in [
        &["convert", "a.bmp", "b.bmp", "-o", "one.avif"][..],
        &["convert", "a.bmp", "--size", "full,60", "-o", "one.avif"],
        &["convert", "a.bmp", "-o", "a.png"],
        &["convert", "a.bmp", "-o", "a.jpg", "--format", "webp"],
        &["convert", "a.bmp", "-o", "a.jpg", "--format", "avif,jpeg"],
    ] {
        let output = avif(folder.path(), arguments);
        assert_eq!(code(&output), 2, "{arguments:?}: {}", text(&output.stderr));
    }
    assert_eq!(files(folder.path()), ["a.bmp", "b.bmp"]);
}

#[test]
fn overwrite_removes_an_old_output_if_the_new_output_is_not_smaller_than_the_input() {
    let folder = tempfile::tempdir().unwrap();
    RgbImage::new(8, 8).save(folder.path().join("dot.png")).unwrap();
    fs::write(folder.path().join("dot.png.avif"), "of another image").unwrap();
    let output = avif(folder.path(), &["convert", "dot.png", "--overwrite"]);
    assert_eq!(code(&output), 0, "{}", text(&output.stderr));
    assert!(text(&output.stdout).contains("not smaller: not written"));
    assert_eq!(files(folder.path()), ["dot.png"]);
}

#[test]
fn endless_file_is_read_only_up_to_the_limit() {
    let folder = tempfile::tempdir().unwrap();
    let output = avif(folder.path(), &["inspect", "/dev/zero"]);
    assert_eq!(code(&output), 1);
    assert!(text(&output.stderr).contains("more than the limit of 268435456 bytes"), "{}", text(&output.stderr));
}

#[test]
fn too_large_file_is_rejected_before_it_is_read() {
    let folder = tempfile::tempdir().unwrap();
    // The file is sparse, so it uses no disk space.
    fs::File::create(folder.path().join("huge.jpg")).unwrap().set_len(3 << 30).unwrap();
    let output = avif(folder.path(), &["convert", "huge.jpg"]);
    assert_eq!(code(&output), 1);
    let expected = "huge.jpg: the file has 3221225472 bytes, more than the limit of 268435456 bytes";
    assert!(text(&output.stderr).contains(expected), "{}", text(&output.stderr));
}

#[test]
#[cfg(target_os = "linux")]
fn webp_chunk_that_declares_gigabytes_does_not_allocate_them() {
    let folder = tempfile::tempdir().unwrap();
    image(folder.path(), "a.png");
    let mut webp = vec![];
    let mut encoder = image::codecs::webp::WebPEncoder::new_lossless(&mut webp);
    image::ImageEncoder::set_exif_metadata(&mut encoder, b"II*\0".to_vec()).unwrap();
    image::open(folder.path().join("a.png")).unwrap().write_with_encoder(encoder).unwrap();
    let at = webp.windows(4).position(|window| window == b"EXIF").unwrap();
    webp[at + 4..at + 8].copy_from_slice(&(u32::MAX - 1).to_le_bytes());
    fs::write(folder.path().join("a.webp"), webp).unwrap();
    // The limit of the address space is 512 MiB, an eighth of the declared size.
    let limited = "ulimit -v 524288; exec \"$0\" convert a.webp --speed 10";
    let mut shell = Command::new("sh");
    shell.current_dir(folder.path()).args(["-c", limited, env!("CARGO_BIN_EXE_avif")]);
    let output = shell.output().unwrap();
    assert_eq!(code(&output), 0, "{}", text(&output.stderr));
}

#[test]
fn explain_names_the_rule_the_settings_and_the_outputs_of_each_key() {
    let folder = tempfile::tempdir().unwrap();
    let settings = r#"{"sizes": "full,640", "rules": [
        {"prefix": "avatars/", "sizes": "256x256:cover", "quality": "visual:80"}, {"prefix": "private/", "skip": true}]}"#;
    fs::write(folder.path().join("settings.json"), settings).unwrap();
    let explain = |arguments: &[&str]| {
        let arguments = [&["explain", "--settings", "settings.json"], arguments].concat();
        let output = avif(folder.path(), &arguments);
        (code(&output), text(&output.stdout), text(&output.stderr))
    };
    let keys = ["s3://b/avatars/写真 1.jpg", "s3://b/a.jpg", "s3://b/private/a.jpg", "s3://b/a.jpg.avif"];
    let (code, lines, _) = explain(&[&keys[..], &["--json"]].concat());
    assert_eq!(code, 0);
    let lines: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let rules: Vec<_> = lines.iter().map(|line| line["rule"].as_str()).collect();
    assert_eq!(rules, [Some("AVIF_RULES[0]"), None, Some("AVIF_RULES[1]"), None]);
    let results: Vec<_> = lines.iter().map(|line| line["result"].as_str().unwrap()).collect();
    assert_eq!(results, ["converted", "converted", "skipped", "skipped"]);
    assert_eq!(lines[0]["outputs"][0]["key"], "avatars/写真 1.jpg.c256x256.avif");
    assert_eq!(
        (&lines[0]["recipe"]["quality"], lines[1]["outputs"].as_array().unwrap().len()),
        (&"visual:80".into(), 3)
    );
    assert_ne!(lines[0]["fingerprint"], lines[1]["fingerprint"]);

    let (_, shown, _) = explain(&["s3://b/avatars/a.jpg"]);
    for line in [
        "rule         AVIF_RULES[0]",
        "sizes        256x256:cover",
        "quality      visual:80",
        "s3://b/avatars/a.jpg.c256x256.avif",
    ] {
        assert!(shown.contains(line), "{shown}");
    }
    let (code, shown, _) = explain(&["s3://b/a.jpg.w640"]);
    assert!(code == 1 && shown.contains("ends like the key of a variant"), "{shown}");
    let (code, _, error) = explain(&["s3://b"]);
    assert!(code == 2 && error.contains("expected s3://BUCKET/KEY"), "{error}");
    let (code, _, error) = explain(&["s3://b/a.jpg", "-e", r#"AVIF_RULES=[{"speed": 11}, 5]"#]);
    assert!(
        code == 1 && error.contains("AVIF_RULES[0].speed=11") && error.contains("AVIF_RULES[1]: expected"),
        "{error}"
    );
}
