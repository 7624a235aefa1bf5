//! Checks the invariants of stored outputs. Some invariants hold at the end of a history, and other invariants hold at
//! all times.

use std::collections::{BTreeSet, HashMap};
use std::process::Command;
use std::sync::{Mutex, PoisonError};

use crate::manifest_fields::parse_manifest;
use crate::outputs::Outputs;
use crate::test_system::TestSystem;
use emulator::Call;

/// The content of the object that no function created.
pub(crate) const FOREIGN: &[u8] = b"uploaded by hand";

/// The state of a source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum SourceState {
    Present { color: [u8; 3], etag: String },
    Absent,
}

/// Checks the invariant at the end of a history: the stored variants match the current source, and the manifest lists
/// these variants. A deleted source has no outputs. Returns the violations.
pub(crate) async fn check_outputs(
    system: &TestSystem,
    expected: Outputs,
    source: &str,
    state: &SourceState,
) -> Vec<String> {
    let mut outputs = read_outputs(system, expected, source).await;
    if outputs.remove(&expected.foreign_object(source)).is_none_or(|object| object.bytes != FOREIGN) {
        return vec![format!("the foreign object at {} was changed", expected.foreign_object(source))];
    }
    let SourceState::Present { color, etag } = state else {
        return outputs.into_keys().map(|key| format!("{key} exists, but its source was deleted")).collect();
    };
    let (variants, manifest) = (expected.variants(source), expected.manifest(source));
    let expected: BTreeSet<&String> = variants.iter().chain(&manifest).collect();
    if outputs.keys().collect::<BTreeSet<_>>() != expected {
        return vec![format!("the stored outputs are {:?}, expected are {expected:?}", outputs.keys())];
    }
    let mut violations = vec![];
    for key in &variants {
        let StoredOutput { source_etag, bytes, .. } = &outputs[key];
        let decoded = decode_center_color(bytes);
        let is_similar = decoded.iter().zip(color).all(|(decoded, expected)| decoded.abs_diff(*expected) < 16);
        if source_etag != etag || !is_similar {
            violations.push(format!(
                "{key} has the source ETag {source_etag} and the color {decoded:?}; the source is {state:?}"
            ));
        }
    }
    if let Some(manifest) = manifest {
        let content = parse_manifest(&outputs[&manifest].bytes);
        let entries = content["variants"].as_array().unwrap();
        let entries: BTreeSet<_> =
            entries.iter().map(|entry| (entry["key"].as_str(), entry["etag"].as_str())).collect();
        let stored = variants.iter().map(|key| (Some(key.as_str()), Some(outputs[key].etag.as_str()))).collect();
        if entries != stored || content["source"]["etag"] != etag.as_str() {
            violations.push(format!("{manifest} contains {content}; the stored variants are {stored:?}"));
        }
    }
    violations
}

/// Checks the invariants that hold at all times. An output is replaced only by an output of the same source state or of
/// a later state. A variant is deleted only if its source was deleted after the state from which the variant was
/// created. Returns the violations.
///
/// If a source returns to earlier content, the earlier state and the new state have the same ETag, so their outputs
/// have the same source ETag. Therefore the check assumes that a replaced output was created from the first state with
/// its ETag, and that the new output was created from the last state with its ETag.
pub(crate) fn check_replacements(outputs: [Outputs; 2], source: &str, calls: &[Call]) -> Vec<String> {
    let mut states: Vec<Option<&str>> = vec![];
    let mut output_states: HashMap<&str, usize> = HashMap::new();
    let mut violations = vec![];
    let variants: Vec<String> = outputs.iter().flat_map(|outputs| outputs.variants(source)).collect();
    for call in successful_calls(outputs[0], source, calls) {
        match (call.operation, call.key == source) {
            ("PutObject", true) => states.push(call.etag.as_deref()),
            ("DeleteObject", true) => states.push(None),
            ("DeleteObject", false) => {
                let state = output_states.remove(call.key.as_str()).filter(|_| variants.contains(&call.key));
                if let Some(state) = state.filter(|state| states[*state..].iter().all(Option::is_some)) {
                    violations.push(format!(
                        "{} was deleted, although its source has existed since state {state} of {states:?}",
                        call.key
                    ));
                }
            }
            ("PutObject", false) => {
                let etag = call.metadata.get("avif-source-etag").map(String::as_str);
                let matching_states =
                    || states.iter().enumerate().filter(|(_, state)| state.is_some() && **state == etag);
                let (Some((first, _)), Some((last, _))) = (matching_states().next(), matching_states().next_back())
                else {
                    violations.push(format!("{} has the source ETag {etag:?}, which the source never had", call.key));
                    continue;
                };
                if let Some(replaced) = output_states.insert(&call.key, first).filter(|replaced| *replaced > last) {
                    violations.push(format!(
                        "an output of state {last} replaced an output of state {replaced} of {states:?} at {}",
                        call.key
                    ));
                }
            }
            _ => {}
        }
    }
    violations
}

/// Checks that the manifest of an existing source was written after the last change of a variant, so that its event is the
/// signal that all variants are ready. Returns the violation.
///
/// Between two jobs, a manifest may list a variant that the other job has just replaced or deleted: S3 cannot write a
/// manifest on the condition that other objects did not change. The other job then replaces the manifest.
pub(crate) fn check_manifest(outputs: Outputs, source: &str, state: &SourceState, calls: &[Call]) -> Vec<String> {
    let Some(manifest) = outputs.manifest(source) else { return vec![] };
    let mut etags: HashMap<&str, Option<&str>> = HashMap::new();
    let (mut is_last, variants) = (false, outputs.variants(source));
    let is_output = |call: &&Call| call.key == manifest || variants.contains(&call.key);
    for call in successful_calls(outputs, source, calls).filter(is_output) {
        let is_put = match call.operation {
            "PutObject" => true,
            "DeleteObject" => false,
            _ => continue,
        };
        if call.key == manifest {
            is_last = is_put;
            continue;
        }
        let etag = call.etag.as_deref().filter(|_| is_put);
        if etags.insert(&call.key, etag).flatten() != etag {
            is_last = false;
        }
    }
    if matches!(state, SourceState::Present { .. }) && !calls.is_empty() && !is_last {
        let changes = successful_calls(outputs, source, calls)
            .filter(|call| matches!(call.operation, "PutObject" | "DeleteObject"))
            .map(|Call { operation, key, etag, .. }| {
                format!("{operation} {key} {}", etag.as_deref().unwrap_or_default())
            });
        let changes: Vec<String> = changes.collect();
        return vec![format!("the last change of the outputs of {source} is not {manifest}:\n{}", changes.join("\n"))];
    }
    vec![]
}

/// Returns the successful requests for a source and its outputs.
fn successful_calls<'a>(outputs: Outputs, source: &'a str, calls: &'a [Call]) -> impl Iterator<Item = &'a Call> {
    let is_of_source = move |call: &&Call| {
        call.key == source
            || call
                .key
                .strip_prefix(outputs.prefix)
                .is_some_and(|key| key.strip_prefix(source).is_some_and(|rest| rest.starts_with('.')))
    };
    calls.iter().filter(|call| call.error.is_none()).filter(is_of_source)
}

struct StoredOutput {
    etag: String,
    source_etag: String,
    bytes: Vec<u8>,
}

/// Returns the outputs of a source by their keys.
async fn read_outputs(system: &TestSystem, expected: Outputs, source: &str) -> HashMap<String, StoredOutput> {
    let list = system
        .client
        .list_objects_v2()
        .bucket("photos")
        .prefix(format!("{}{source}.", expected.prefix))
        .send()
        .await
        .unwrap();
    let mut outputs = HashMap::new();
    for key in list.contents.unwrap_or_default().into_iter().filter_map(|object| object.key) {
        let object = system.client.get_object().bucket("photos").key(&key).send().await.unwrap();
        let etag = object.e_tag.unwrap().trim_matches('"').to_owned();
        let source_etag = object.metadata.unwrap_or_default().remove("avif-source-etag").unwrap_or_default();
        let bytes = object.body.collect().await.unwrap().to_vec();
        outputs.insert(key, StoredOutput { etag, source_etag, bytes });
    }
    outputs
}

/// Returns the color in the center of a variant.
fn decode_center_color(variant: &[u8]) -> [u8; 3] {
    let is_avif = variant.get(4..8) == Some(b"ftyp");
    if is_avif {
        return decode_avif(variant);
    }
    let image = image::load_from_memory(variant).unwrap().to_rgb8();
    image.get_pixel(image.width() / 2, image.height() / 2).0
}

/// Returns the color in the center of an AVIF, decoded with `avifdec`. The results are cached, because the histories create
/// only a few different files.
fn decode_avif(variant: &[u8]) -> [u8; 3] {
    static CACHE: Mutex<Option<HashMap<Vec<u8>, [u8; 3]>>> = Mutex::new(None);
    let mut cache = CACHE.lock().unwrap_or_else(PoisonError::into_inner);
    *cache.get_or_insert_default().entry(variant.to_vec()).or_insert_with(|| {
        let folder = tempfile::tempdir().unwrap();
        let (from, to) = (folder.path().join("a.avif"), folder.path().join("a.png"));
        std::fs::write(&from, variant).unwrap();
        let output = Command::new("avifdec")
            .arg(&from)
            .arg(&to)
            .output()
            .expect("avifdec should be installed: run `make tools`");
        assert!(output.status.success(), "{output:?}");
        let image = image::open(&to).unwrap().to_rgb8();
        image.get_pixel(image.width() / 2, image.height() / 2).0
    })
}
