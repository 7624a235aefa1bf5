//! What has to be, in the end and at all times.

use std::collections::{BTreeSet, HashMap};
use std::process::Command;
use std::sync::{Mutex, PoisonError};

use emulator::Call;
use serde_json::Value;

use crate::test_system::World;

/// A source, at one time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum State {
    Present { color: [u8; 3], etag: String },
    Absent,
}

/// The promise: what is stored are the source's variants, as the source is now, and the manifest lists them; where there
/// is no source, nothing is stored.
pub(crate) async fn agreement(world: &World, source: &str, now: &State) -> Vec<String> {
    let outputs = stored(world, source).await;
    let State::Present { color, etag } = now else {
        return outputs.into_keys().map(|key| format!("{key} is there, and its source is gone")).collect();
    };
    let suffixes: &[&str] = if world.several { &["", ".w4"] } else { &[""] };
    let variants: Vec<String> = suffixes.iter().map(|suffix| format!("{source}{suffix}.avif")).collect();
    let manifest = world.several.then(|| format!("{source}.avif.json"));
    let expected: BTreeSet<&String> = variants.iter().chain(&manifest).collect();
    if outputs.keys().collect::<BTreeSet<_>>() != expected {
        return vec![format!("stored are {:?} instead of {expected:?}", outputs.keys())];
    }
    let mut violations = vec![];
    for key in &variants {
        let Stored { source_etag, bytes, .. } = &outputs[key];
        let shown = decoded(bytes);
        let near = shown.iter().zip(color).all(|(shown, meant)| shown.abs_diff(*meant) < 16);
        if source_etag != etag || !near {
            violations.push(format!("{key} was made of {source_etag} and shows {shown:?}; the source is {now:?}"));
        }
    }
    if let Some(manifest) = manifest {
        let listed: Value = serde_json::from_slice(&outputs[&manifest].bytes).unwrap();
        let entries = listed["variants"].as_array().unwrap();
        let entries: BTreeSet<_> =
            entries.iter().map(|entry| (entry["key"].as_str(), entry["etag"].as_str())).collect();
        let truth = variants.iter().map(|key| (Some(key.as_str()), Some(outputs[key].etag.as_str()))).collect();
        if entries != truth || listed["source"]["etag"] != etag.as_str() {
            violations.push(format!("{manifest} says {listed}; stored are {truth:?}"));
        }
    }
    violations
}

/// At all times: where an output is replaced, it is by one of the same or of a later state of the source; and where a
/// variant is deleted, the source was deleted after the state that the variant was made of.
///
/// Where the source is again what it was before, an entity tag cannot tell the two apart, neither the source's nor the
/// output's. So what is replaced counts as of the first time that the source was so, and what replaces it as of the last.
pub(crate) fn replaced_by_older(source: &str, calls: &[Call]) -> Vec<String> {
    let mut states: Vec<Option<&str>> = vec![];
    let mut shown: HashMap<&str, usize> = HashMap::new();
    let mut violations = vec![];
    for call in calls.iter().filter(|call| call.error.is_none() && call.key.starts_with(source)) {
        match (call.operation, call.key == source) {
            ("PutObject", true) => states.push(call.etag.as_deref()),
            ("DeleteObject", true) => states.push(None),
            ("DeleteObject", false) => {
                let before = shown.remove(call.key.as_str()).filter(|_| call.key.strip_suffix(".avif").is_some());
                if let Some(before) = before.filter(|before| states[*before..].iter().all(Option::is_some)) {
                    violations.push(format!(
                        "{} was deleted, and its source exists since state {before} of {states:?}",
                        call.key
                    ));
                }
            }
            ("PutObject", false) => {
                let etag = call.metadata.get("avif-source-etag").map(String::as_str);
                let all = || states.iter().enumerate().filter(|(_, state)| state.is_some() && **state == etag);
                let (Some((first, _)), Some((last, _))) = (all().next(), all().next_back()) else {
                    violations.push(format!("{} was made of {etag:?}, which the source never was", call.key));
                    continue;
                };
                if let Some(before) = shown.insert(&call.key, first).filter(|before| *before > last) {
                    violations.push(format!("state {last} replaced state {before} of {states:?} at {}", call.key));
                }
            }
            _ => {}
        }
    }
    violations
}

struct Stored {
    etag: String,
    source_etag: String,
    bytes: Vec<u8>,
}

/// Everything that is stored of a source, by its key.
async fn stored(world: &World, source: &str) -> HashMap<String, Stored> {
    let list = world.client.list_objects_v2().bucket("photos").prefix(format!("{source}.")).send().await.unwrap();
    let mut all = HashMap::new();
    for key in list.contents.unwrap_or_default().into_iter().filter_map(|object| object.key) {
        let got = world.client.get_object().bucket("photos").key(&key).send().await.unwrap();
        let etag = got.e_tag.unwrap().trim_matches('"').to_owned();
        let source_etag = got.metadata.unwrap_or_default().remove("avif-source-etag").unwrap_or_default();
        let bytes = got.body.collect().await.unwrap().to_vec();
        all.insert(key, Stored { etag, source_etag, bytes });
    }
    all
}

/// The color in the middle, as `avifdec` sees it. There are few different files, so each is decoded once.
fn decoded(avif: &[u8]) -> [u8; 3] {
    static SEEN: Mutex<Option<HashMap<Vec<u8>, [u8; 3]>>> = Mutex::new(None);
    let mut seen = SEEN.lock().unwrap_or_else(PoisonError::into_inner);
    *seen.get_or_insert_default().entry(avif.to_vec()).or_insert_with(|| {
        let folder = tempfile::tempdir().unwrap();
        let (from, to) = (folder.path().join("a.avif"), folder.path().join("a.png"));
        std::fs::write(&from, avif).unwrap();
        let run = Command::new("avifdec").arg(&from).arg(&to).output().expect("avifdec is installed by `make tools`");
        assert!(run.status.success(), "{run:?}");
        let image = image::open(&to).unwrap().to_rgb8();
        image.get_pixel(image.width() / 2, image.height() / 2).0
    })
}
