//! Converts thousands of corrupted files in one execution environment.
//!
//!     SOAK_FILES=10000 SOAK_CORPUS=fuzz/corpus/convert \
//!         cargo nextest run --cargo-profile quick --package function --test soak
//!
//! Each file is a copy of an original with some changed bytes. The originals are small images in all still image
//! formats, the files in the folder `SOAK_CORPUS` (if this variable is set), and the AVIF variants of all these files.

use std::collections::BTreeMap;
use std::io::Cursor;
use std::path::PathBuf;

use emulator::{Function, Lambda, S3, SECRET_KEY, Settings};
use fastrand::Rng;
use image::{ImageFormat, Rgb, RgbImage};
use serde_json::json;
use tokio::sync::mpsc::unbounded_channel;

use crate::bootstrap::function;
use crate::read_variable;

/// The number of tasks in one event of S3 Batch Operations. The first task of each event is a valid file. The response
/// has a result for each task.
const TASKS_PER_EVENT: usize = 20;
/// The memory size of the function.
const MEMORY_MIB: u32 = 512;

#[tokio::test(flavor = "multi_thread")]
async fn every_corrupted_file_has_a_result_and_every_valid_file_is_converted() {
    let folder = tempfile::tempdir().unwrap();
    let buckets = vec!["photos".to_owned()];
    let secret = SECRET_KEY.into();
    let server_settings =
        Settings { address: ([127, 0, 0, 1], 0).into(), folder: folder.path().to_owned(), secret, buckets };
    let (s3, _events) = S3::start(server_settings).await.unwrap();
    let client = s3.client(SECRET_KEY);
    let mut environment = s3.environment();
    environment.extend([("AVIF_SPEED", "10"), ("AVIF_QUALITY", "50")].map(|(name, value)| (name.into(), value.into())));
    let function = Function { memory: MEMORY_MIB, ..function(environment) };
    let lambda = Lambda::new(function, unbounded_channel().0);
    let put = async |key: &str, bytes: Vec<u8>| {
        client.put_object().bucket("photos").key(key).body(bytes.into()).send().await.unwrap();
    };
    let convert = async |tasks: &[String]| {
        let tasks: Vec<_> =
            tasks.iter().map(|key| json!({ "taskId": key, "s3Key": key, "s3Bucket": "photos" })).collect();
        let event = json!({ "invocationSchemaVersion": "2.0", "invocationId": "i", "tasks": tasks });
        let response = lambda.invoke(event).await.result.unwrap();
        let results = response["results"].as_array().unwrap().clone();
        assert_eq!(results.len(), tasks.len(), "each file should have a result");
        results
    };

    let mut originals = read_originals();
    for (index, original) in originals.clone().into_iter().enumerate() {
        let key = format!("original-{index}");
        put(&key, original).await;
        let result = &convert(std::slice::from_ref(&key)).await[0];
        assert_eq!(result["resultCode"], "Succeeded", "{result}");
        if let Ok(variant) = client.get_object().bucket("photos").key(format!("{key}.avif")).send().await {
            originals.push(variant.body.collect().await.unwrap().to_vec());
        }
    }

    let files: usize = read_variable("SOAK_FILES").unwrap_or(200);
    let mut random = Rng::with_seed(read_variable("SOAK_SEED").unwrap_or(1));
    let (process, mut memory_after_a_tenth) = (find_function_process(), None);
    let (mut result_codes, mut failures) = (BTreeMap::<String, usize>::new(), vec![]);
    for number in 0..files.div_ceil(TASKS_PER_EVENT) {
        let valid_key = format!("{number}-valid");
        put(&valid_key, originals[0].clone()).await;
        let mut keys = vec![valid_key];
        for index in 1..TASKS_PER_EVENT {
            let key = format!("{number}-{index}");
            put(&key, corrupt(&originals, &mut random)).await;
            keys.push(key);
        }
        for result in convert(&keys).await {
            let (key, code) = (result["taskId"].as_str().unwrap(), result["resultCode"].as_str().unwrap());
            assert!(!key.ends_with("valid") || code == "Succeeded", "{result}");
            *result_codes.entry(code.to_owned()).or_default() += 1;
            if code == "TemporaryFailure" {
                failures.push(result.to_string());
            }
        }
        if number == files / TASKS_PER_EVENT / 10 {
            memory_after_a_tenth = process.map(read_resident_kib);
        }
    }
    let memory_at_the_end = process.map(read_resident_kib);
    eprintln!(
        "{files} files: {result_codes:?}; memory of the function in KiB after a tenth of the files: {memory_after_a_tenth:?}, \
         at the end: {memory_at_the_end:?}"
    );
    assert_eq!(process, find_function_process(), "one environment should convert all files");
    assert!(failures.is_empty(), "a corrupted file should be rejected, not fail:\n{}", failures.join("\n"));
    if let (Some(early), Some(late)) = (memory_after_a_tenth, memory_at_the_end) {
        assert!(late < early + 4096, "memory grew from {early} KiB to {late} KiB");
    }
}

fn read_originals() -> Vec<Vec<u8>> {
    let image =
        RgbImage::from_fn(24, 16, |x, y| Rgb([u8::try_from(x * 10).unwrap(), u8::try_from(y * 15).unwrap(), 90]));
    let formats =
        [ImageFormat::Jpeg, ImageFormat::Png, ImageFormat::WebP, ImageFormat::Gif, ImageFormat::Tiff, ImageFormat::Bmp];
    let generated = formats.map(|format| {
        let mut file = Cursor::new(vec![]);
        image.write_to(&mut file, format).unwrap();
        file.into_inner()
    });
    let corpus = read_variable::<PathBuf>("SOAK_CORPUS").map(|folder| std::fs::read_dir(folder).unwrap());
    let corpus = corpus.into_iter().flatten().map(|entry| std::fs::read(entry.unwrap().path()).unwrap());
    generated.into_iter().chain(corpus).collect()
}

/// Returns a copy of one of the originals with up to eight changes. A change flips a bit, writes a random byte, writes
/// an extreme number of four bytes, deletes a part, inserts a part of the same file or of an original, or truncates the
/// file.
fn corrupt(originals: &[Vec<u8>], random: &mut Rng) -> Vec<u8> {
    const EXTREME_NUMBERS: [u32; 8] = [0, 1, 0x7fff_ffff, 0xffff_ffff, 0xffff, 0x0100_0000, 0x8000_0000, 40_000];
    let mut file = originals[random.usize(..originals.len())].clone();
    for _ in 0..random.usize(1..=8) {
        if file.len() < 8 {
            break;
        }
        let at = random.usize(..file.len() - 4);
        let end = (at + random.usize(1..64)).min(file.len());
        match random.u8(..8) {
            0 | 1 => file[at] ^= 1 << random.u8(..8),
            2 => file[at] = random.u8(..),
            3 | 4 => {
                let number = EXTREME_NUMBERS[random.usize(..EXTREME_NUMBERS.len())];
                let bytes = if random.bool() { number.to_be_bytes() } else { number.to_le_bytes() };
                file[at..at + 4].copy_from_slice(&bytes);
            }
            5 => drop(file.drain(at..end)),
            6 => {
                let other =
                    if random.bool() { file.clone() } else { originals[random.usize(..originals.len())].clone() };
                let start = random.usize(..other.len());
                let part = other[start..(start + end - at).min(other.len())].to_vec();
                file.splice(at..at, part);
            }
            _ => file.truncate(at),
        }
    }
    file
}

/// Returns the process ID of the function if the function is running. Panics if several child processes are running.
fn find_function_process() -> Option<u32> {
    let children = std::fs::read_dir("/proc/self/task").ok()?.flatten();
    let children = children.filter_map(|task| std::fs::read_to_string(task.path().join("children")).ok());
    let children: Vec<u32> =
        children.flat_map(|ids| ids.split(' ').filter_map(|id| id.parse().ok()).collect::<Vec<_>>()).collect();
    assert!(children.len() < 2, "{children:?}");
    children.first().copied()
}

fn read_resident_kib(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}
