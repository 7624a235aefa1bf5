//! Files that somebody broke on purpose, thousands of them through one environment.
//!
//!     SOAK_FILES=10000 SOAK_CORPUS=fuzz/corpus/convert cargo nextest run --cargo-profile quick --package function --test soak
//!
//! Each is a small file of a format that is read, with some of its bytes changed. Without `SOAK_CORPUS` there is one seed for
//! each still format, and the AVIF that was made of it.

use std::collections::BTreeMap;
use std::io::Cursor;
use std::path::PathBuf;

use emulator::{Function, Lambda, S3, SECRET_KEY, Settings};
use fastrand::Rng;
use image::{ImageFormat, Rgb, RgbImage};
use serde_json::json;
use tokio::sync::mpsc::unbounded_channel;

use crate::bootstrap::function;
use crate::setting;

/// Tasks of one event of S3 Batch Operations, which names each task's outcome. The first is a file that nobody broke.
const TASKS: usize = 20;
/// The function's memory in MiB.
const MEMORY: u32 = 512;

#[tokio::test(flavor = "multi_thread")]
async fn broken_files_are_answered_one_by_one_and_whole_ones_between_them_convert() {
    let folder = tempfile::tempdir().unwrap();
    let buckets = vec!["photos".to_owned()];
    let secret = SECRET_KEY.into();
    let place = Settings { address: ([127, 0, 0, 1], 0).into(), folder: folder.path().to_owned(), secret, buckets };
    let (s3, _events) = S3::start(place).await.unwrap();
    let client = s3.client(SECRET_KEY);
    let mut environment = s3.environment();
    environment.extend([("AVIF_SPEED", "10"), ("AVIF_QUALITY", "50")].map(|(name, value)| (name.into(), value.into())));
    let environment = Function { memory: MEMORY, ..function(environment) };
    let lambda = Lambda::new(environment, unbounded_channel().0);
    let put = async |key: &str, bytes: Vec<u8>| {
        client.put_object().bucket("photos").key(key).body(bytes.into()).send().await.unwrap();
    };
    let batch = async |tasks: &[String]| {
        let tasks: Vec<_> =
            tasks.iter().map(|key| json!({ "taskId": key, "s3Key": key, "s3Bucket": "photos" })).collect();
        let event = json!({ "invocationSchemaVersion": "2.0", "invocationId": "i", "tasks": tasks });
        let answer = lambda.invoke(event).await.result.unwrap();
        let results = answer["results"].as_array().unwrap().clone();
        assert_eq!(results.len(), tasks.len(), "each file is answered");
        results
    };

    let mut seeds = seeds();
    for (index, seed) in seeds.clone().into_iter().enumerate() {
        let key = format!("seed-{index}");
        put(&key, seed).await;
        let result = &batch(std::slice::from_ref(&key)).await[0];
        assert_eq!(result["resultCode"], "Succeeded", "{result}");
        if let Ok(variant) = client.get_object().bucket("photos").key(format!("{key}.avif")).send().await {
            seeds.push(variant.body.collect().await.unwrap().to_vec());
        }
    }

    let files: usize = setting("SOAK_FILES").unwrap_or(200);
    let mut random = Rng::with_seed(setting("SOAK_SEED").unwrap_or(1));
    let (process, mut memory_at_first) = (function_process(), None);
    let (mut codes, mut failures) = (BTreeMap::<String, usize>::new(), vec![]);
    for number in 0..files.div_ceil(TASKS) {
        let whole = format!("{number}-whole");
        put(&whole, seeds[0].clone()).await;
        let mut keys = vec![whole];
        for index in 1..TASKS {
            let key = format!("{number}-{index}");
            put(&key, broken(&seeds, &mut random)).await;
            keys.push(key);
        }
        for result in batch(&keys).await {
            let (key, code) = (result["taskId"].as_str().unwrap(), result["resultCode"].as_str().unwrap());
            assert!(!key.ends_with("whole") || code == "Succeeded", "{result}");
            *codes.entry(code.to_owned()).or_default() += 1;
            if code == "TemporaryFailure" {
                failures.push(result.to_string());
            }
        }
        if number == files / TASKS / 10 {
            memory_at_first = process.map(resident_kib);
        }
    }
    let memory = process.map(resident_kib);
    eprintln!(
        "{files} files: {codes:?}; the function's memory after a tenth and at the end, in KiB: {memory_at_first:?}, {memory:?}"
    );
    assert_eq!(process, function_process(), "one environment served all of them");
    assert!(failures.is_empty(), "a broken file is the input's fault:\n{}", failures.join("\n"));
    if let (Some(first), Some(last)) = (memory_at_first, memory) {
        assert!(last < first + 4096, "it grows: {first} KiB, {last} KiB");
    }
}

fn seeds() -> Vec<Vec<u8>> {
    let image =
        RgbImage::from_fn(24, 16, |x, y| Rgb([u8::try_from(x * 10).unwrap(), u8::try_from(y * 15).unwrap(), 90]));
    let formats =
        [ImageFormat::Jpeg, ImageFormat::Png, ImageFormat::WebP, ImageFormat::Gif, ImageFormat::Tiff, ImageFormat::Bmp];
    let own = formats.map(|format| {
        let mut file = Cursor::new(vec![]);
        image.write_to(&mut file, format).unwrap();
        file.into_inner()
    });
    let corpus = setting::<PathBuf>("SOAK_CORPUS").map(|folder| std::fs::read_dir(folder).unwrap());
    let corpus = corpus.into_iter().flatten().map(|entry| std::fs::read(entry.unwrap().path()).unwrap());
    own.into_iter().chain(corpus).collect()
}

/// A seed with up to eight changes: a bit, a byte, a number of four bytes that claims much, a part that is cut out, doubled,
/// or taken from another seed, and an end that comes early.
fn broken(seeds: &[Vec<u8>], random: &mut Rng) -> Vec<u8> {
    const CLAIMS: [u32; 8] = [0, 1, 0x7fff_ffff, 0xffff_ffff, 0xffff, 0x0100_0000, 0x8000_0000, 40_000];
    let mut file = seeds[random.usize(..seeds.len())].clone();
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
                let claim = CLAIMS[random.usize(..CLAIMS.len())];
                let claim = if random.bool() { claim.to_be_bytes() } else { claim.to_le_bytes() };
                file[at..at + 4].copy_from_slice(&claim);
            }
            5 => drop(file.drain(at..end)),
            6 => {
                let other = if random.bool() { file.clone() } else { seeds[random.usize(..seeds.len())].clone() };
                let start = random.usize(..other.len());
                let part = other[start..(start + end - at).min(other.len())].to_vec();
                file.splice(at..at, part);
            }
            _ => file.truncate(at),
        }
    }
    file
}

/// The one process of a function that this test started.
fn function_process() -> Option<u32> {
    let children = std::fs::read_dir("/proc/self/task").ok()?.flatten();
    let children = children.filter_map(|task| std::fs::read_to_string(task.path().join("children")).ok());
    let children: Vec<u32> =
        children.flat_map(|ids| ids.split(' ').filter_map(|id| id.parse().ok()).collect::<Vec<_>>()).collect();
    assert!(children.len() < 2, "{children:?}");
    children.first().copied()
}

fn resident_kib(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}
