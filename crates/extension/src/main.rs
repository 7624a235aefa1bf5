//! `avif-extension`: reads the configuration, and runs until Lambda shuts the environment down. With the argument
//! `dashboard` it prints a CloudWatch dashboard instead.

#![forbid(unsafe_code)]

use std::io::Write;

use extension::config::Config;
use extension::{dashboard, lambda};

// One thread is sufficient, and the function can use the other vCPUs.
#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    if std::env::args().nth(1).as_deref() == Some("dashboard") {
        let body = dashboard::body("avif-lambda", "FUNCTION", "REGION");
        writeln!(std::io::stdout(), "{body:#}")?;
        return Ok(());
    }
    // The worker process that converts images runs as the same user. It must not read the credentials in this process's
    // environment.
    #[cfg(target_os = "linux")]
    nix::sys::prctl::set_dumpable(false)?;
    let (config, errors) = Config::from_env();
    for error in errors {
        // An error is ignored: if standard error is closed, the message cannot be written anywhere else.
        let _ = writeln!(std::io::stderr(), "avif-extension: {error}; using the default");
    }
    Ok(lambda::run(config).await?)
}
