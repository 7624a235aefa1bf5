//! The credentials that sign requests. Tests use a fixed secret key; a long-running server uses a random one.

use std::fs::{self, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

use uuid::Uuid;

/// The only access key identifier that the server accepts, from AWS's own examples.
pub const ACCESS_KEY: &str = "AKIAIOSFODNN7EXAMPLE";
/// A secret key for tests. A long-running server uses [`load_or_create_secret_key`].
pub const SECRET_KEY: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";

/// The name of the file that contains the secret key. The file is in the folder of the buckets. It cannot be a bucket,
/// because no bucket name begins with a full stop.
const FILE_NAME: &str = ".secret-key";
/// Only the owner can read the file.
const FILE_MODE: u32 = 0o600;
/// The minimum length of a key in the file. A shorter key was truncated or written by hand.
const MIN_CHARACTERS: usize = 32;

/// Reads the secret key from the folder of the buckets. If the folder has none, creates a random one.
///
/// # Errors
/// The file cannot be written or read, or its key is shorter than 32 characters.
pub fn load_or_create_secret_key(folder: &Path) -> io::Result<String> {
    let path = folder.join(FILE_NAME);
    match OpenOptions::new().write(true).create_new(true).mode(FILE_MODE).open(&path) {
        Ok(mut file) => {
            // Each UUID has 122 random bits from the operating system.
            let secret = format!("{}{}", Uuid::new_v4().simple(), Uuid::new_v4().simple());
            file.write_all(secret.as_bytes())?;
            Ok(secret)
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            fs::set_permissions(&path, Permissions::from_mode(FILE_MODE))?;
            let secret = fs::read_to_string(&path)?.trim().to_owned();
            if secret.len() < MIN_CHARACTERS {
                let message = format!(
                    "{} does not contain a secret key of at least {MIN_CHARACTERS} characters; delete it to create a new one",
                    path.display()
                );
                return Err(io::Error::other(message));
            }
            Ok(secret)
        }
        Err(error) => Err(error),
    }
}
