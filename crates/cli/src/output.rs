//! Writes and removes output files.

use std::fs::{self, Permissions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

/// Writes a temporary file and renames it, so no other program sees an incomplete file. Replaces an existing file only
/// with `overwrite`.
pub(crate) fn write(path: &Path, bytes: &[u8], overwrite: bool) -> anyhow::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::create_dir_all(folder).with_context(|| format!("cannot create the directory {}", folder.display()))?;
    let failed = || format!("cannot write {}", path.display());
    // By default, only the owner can read a temporary file. The output gets the usual permissions of a new file, which
    // the umask restricts.
    let permissions = Permissions::from_mode(0o666);
    let builder = tempfile::Builder::new().prefix(".avif-").permissions(permissions).tempfile_in(folder);
    let mut file = builder.with_context(failed)?;
    file.write_all(bytes).with_context(failed)?;
    let persisted = if overwrite { file.persist(path) } else { file.persist_noclobber(path) };
    persisted.map_err(|error| error.error).with_context(failed)?;
    Ok(())
}

/// Removes a file if it exists.
pub(crate) fn remove(path: &Path) -> anyhow::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(error).with_context(|| format!("cannot remove {}", path.display()))
        }
        _ => Ok(()),
    }
}

/// Fails if any of these files already exists.
pub(crate) fn must_not_exist<'a>(mut paths: impl Iterator<Item = &'a PathBuf>) -> anyhow::Result<()> {
    match paths.find(|path| path.exists()) {
        Some(path) => bail!("{} exists already; use --overwrite to replace it", path.display()),
        None => Ok(()),
    }
}
