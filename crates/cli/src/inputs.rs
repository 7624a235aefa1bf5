//! Finds the files to convert, and reads them.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use convert::Format;
use model::Location;
use transfer::Role;
use walkdir::WalkDir;

/// One file to convert.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Input {
    /// The path of the file.
    pub(crate) path: PathBuf,
    /// The default output directory.
    pub(crate) root: PathBuf,
    /// The path relative to `root`, with slashes, like a key in a bucket.
    pub(crate) key: String,
}

/// An input that cannot be found or has an invalid name, and the reason.
pub(crate) type Failure = (PathBuf, String);

/// Returns the extensions that select files in a directory and objects in a bucket, in lower case and without the dot. AVIF
/// is left out, because the names of the outputs end in `.avif`. A file that is named on the command line is converted
/// regardless of its extension.
pub(crate) fn source_extensions() -> impl Iterator<Item = &'static str> {
    Format::all().filter(|format| *format != Format::AVIF).flat_map(|format| format.extensions().iter().copied())
}

/// Returns the given files, and the image files in the given directories and their subdirectories, sorted by name.
pub(crate) fn find(paths: &[PathBuf]) -> (Vec<Input>, Vec<Failure>) {
    let (mut inputs, mut failures) = (vec![], vec![]);
    for path in paths {
        if !path.is_dir() {
            let root = path.parent().unwrap_or(Path::new("")).to_owned();
            add(path.clone(), root, &mut inputs, &mut failures);
            continue;
        }
        for entry in WalkDir::new(path).follow_links(true).sort_by_file_name() {
            match entry {
                Ok(entry) if entry.file_type().is_file() && is_source(entry.path()) => {
                    add(entry.into_path(), path.clone(), &mut inputs, &mut failures);
                }
                Ok(_) => {}
                Err(error) => failures.push((error.path().unwrap_or(path).to_owned(), error.to_string())),
            }
        }
    }
    (inputs, failures)
}

fn add(path: PathBuf, root: PathBuf, inputs: &mut Vec<Input>, failures: &mut Vec<Failure>) {
    let key = path.strip_prefix(&root).unwrap_or(&path).to_str().map(str::to_owned);
    match key {
        Some(key) => inputs.push(Input { path, root, key }),
        None => failures.push((path, "the file name is not UTF-8; rename the file".into())),
    }
}

/// Reads a file of at most `limit` bytes. The length of a device or a pipe is not known in advance, so the limit also
/// applies to the number of bytes that were read.
pub(crate) fn read(path: &Path, limit: u64) -> anyhow::Result<Vec<u8>> {
    let file = File::open(path).context("cannot read the file")?;
    let length = file.metadata().context("cannot read the file")?.len();
    if length > limit {
        bail!("the file has {length} bytes, more than the limit of {limit} bytes");
    }
    read_stream(file, limit)
}

/// Reads at most `limit` bytes.
pub(crate) fn read_stream(stream: impl Read, limit: u64) -> anyhow::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    stream.take(limit + 1).read_to_end(&mut bytes).context("cannot read the file")?;
    if bytes.len() as u64 > limit {
        bail!("the file has more than the limit of {limit} bytes");
    }
    Ok(bytes)
}

/// Whether a file in a directory is converted. The outputs of an earlier call are not.
fn is_source(path: &Path) -> bool {
    let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default().to_lowercase();
    let at = Location { bucket: String::new(), key: path.to_string_lossy().into_owned() };
    source_extensions().any(|source| source == extension) && Role::of(&at) != Role::Output
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suffixes_in_terraform_and_docs_are_the_extensions_of_all_formats() {
        let lower = source_extensions().map(|extension| format!("\".{extension}\""));
        let upper = source_extensions().map(|extension| format!("\".{}\"", extension.to_uppercase()));
        let (lower, upper): (Vec<_>, Vec<_>) = (lower.collect(), upper.collect());
        let read = |path: &str| std::fs::read_to_string(format!("../../{path}")).unwrap();
        let variables = read("deploy/terraform/variables-trigger.tf");
        let list = format!("    {},\n    {},\n", lower.join(", "), upper.join(", "));
        assert!(variables.contains(&list), "expected in variables-trigger.tf:\n{list}");
        let readme = read("deploy/terraform/README.md");
        let list = format!("`[{}, {}]`", lower.join(", "), upper.join(", "));
        assert!(readme.contains(&list), "expected in deploy/terraform/README.md: {list}");
        let list = format!("({}) | ., ascii_upcase", lower.join(", "));
        assert_eq!(read("docs/operations.md").matches(&list).count(), 2, "expected twice in operations.md: {list}");
    }
}
