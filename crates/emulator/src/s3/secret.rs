//! The secret key of a folder with objects.

use std::fs::{self, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

use uuid::Uuid;

/// The file that keeps it, beside the buckets: no bucket's name begins with a full stop.
const FILE: &str = ".secret-key";
/// Only its owner reads it.
const MODE: u32 = 0o600;
/// Characters that a secret has at least: a shorter one was cut off or written by hand.
const LEAST: usize = 32;

/// The secret of that folder, which is made by chance when it is first asked for.
///
/// # Errors
/// The file cannot be written or read, or what it holds is too short.
pub fn folder_secret(folder: &Path) -> io::Result<String> {
    let path = folder.join(FILE);
    match OpenOptions::new().write(true).create_new(true).mode(MODE).open(&path) {
        Ok(mut file) => {
            // Each has 122 bits of the operating system's random numbers.
            let secret = format!("{}{}", Uuid::new_v4().simple(), Uuid::new_v4().simple());
            file.write_all(secret.as_bytes())?;
            Ok(secret)
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            fs::set_permissions(&path, Permissions::from_mode(MODE))?;
            let secret = fs::read_to_string(&path)?.trim().to_owned();
            if secret.len() < LEAST {
                let message = format!("{} holds no secret key; delete it to have a new one", path.display());
                return Err(io::Error::other(message));
            }
            Ok(secret)
        }
        Err(error) => Err(error),
    }
}
