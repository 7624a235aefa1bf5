//! Which files are to be converted, and their bytes.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use walkdir::WalkDir;

/// One file to convert.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Input {
    /// The file.
    pub(crate) path: PathBuf,
    /// The folder that outputs are placed beneath where no other is named.
    pub(crate) root: PathBuf,
    /// Its name beneath that folder, with slashes, as a key in a bucket.
    pub(crate) key: String,
}

/// A file that failed, and why.
pub(crate) type Failure = (PathBuf, String);

/// What is looked for in folders. A file that is named is tried whatever its name.
pub(crate) const EXTENSIONS: [&str; 11] =
    ["apng", "bmp", "gif", "jfif", "jpe", "jpeg", "jpg", "png", "tif", "tiff", "webp"];

/// Files as they are, folders with all that is beneath them, in the order of their names.
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
                Ok(entry) if entry.file_type().is_file() && is_image(entry.path()) => {
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
        None => failures.push((path, "its name is not UTF-8; rename it to convert it".into())),
    }
}

/// Reads a file of at most that many bytes, whatever its length claims to be: a device or a pipe claims none.
pub(crate) fn read(path: &Path, limit: u64) -> anyhow::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let file = File::open(path).context("cannot read it")?;
    let claimed = file.metadata().context("cannot read it")?.len();
    if claimed > limit {
        bail!("it has {claimed} bytes, over the limit of {limit} bytes");
    }
    file.take(limit + 1).read_to_end(&mut bytes).context("cannot read it")?;
    if bytes.len() as u64 > limit {
        bail!("it is over the limit of {limit} bytes");
    }
    Ok(bytes)
}

fn is_image(path: &Path) -> bool {
    let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default().to_lowercase();
    EXTENSIONS.contains(&extension.as_str())
}
