//! Writing a file whole or not at all.

use std::fs::{self, Permissions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

/// Writes a file beside its place first, so that nobody ever sees half of it. Never replaces one unless told to.
pub(crate) fn write(path: &Path, bytes: &[u8], overwrite: bool) -> anyhow::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::create_dir_all(folder).with_context(|| format!("cannot make the folder {}", folder.display()))?;
    let failed = || format!("cannot write {}", path.display());
    // What an ordinary new file gets, less the umask.
    let permissions = Permissions::from_mode(0o666);
    let builder = tempfile::Builder::new().prefix(".avif-").permissions(permissions).tempfile_in(folder);
    let mut file = builder.with_context(failed)?;
    file.write_all(bytes).with_context(failed)?;
    let kept = if overwrite { file.persist(path) } else { file.persist_noclobber(path) };
    kept.map_err(|error| error.error).with_context(failed)?;
    Ok(())
}

/// Removes a file, if there is one.
pub(crate) fn remove(path: &Path) -> anyhow::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(error).with_context(|| format!("cannot remove {}", path.display()))
        }
        _ => Ok(()),
    }
}

/// Complains of the first of these that exists.
pub(crate) fn must_be_free(paths: &[PathBuf]) -> anyhow::Result<()> {
    match paths.iter().find(|path| path.exists()) {
        Some(path) => bail!("{} exists already; --overwrite replaces it", path.display()),
        None => Ok(()),
    }
}
