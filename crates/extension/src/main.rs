//! `avif-extension`: reads the configuration, and lives beside the function until Lambda ends both. With the argument
//! `dashboard` it prints a CloudWatch dashboard instead.

#![forbid(unsafe_code)]

use std::io::Write;

use extension::config::Config;
use extension::{dashboard, lambda};

// One thread: it has little to do, and the function's processors are the function's.
#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    if std::env::args().nth(1).as_deref() == Some("dashboard") {
        let body = dashboard::body("avif-lambda", "FUNCTION", "REGION");
        writeln!(std::io::stdout(), "{body:#}")?;
        return Ok(());
    }
    // The process that converts images runs as the same user, and must not read the credentials in this one's environment.
    #[cfg(target_os = "linux")]
    nix::sys::prctl::set_dumpable(false)?;
    let (config, mistakes) = Config::from_env();
    for mistake in mistakes {
        // Without standard error there is nobody to tell.
        let _ = writeln!(std::io::stderr(), "avif-extension: {mistake}; the default is taken");
    }
    Ok(lambda::run(config).await?)
}
