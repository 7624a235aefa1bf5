//! `bootstrap`: reads the settings, connects to S3 and handles events until Lambda shuts it down. With the argument
//! [`worker::ARGUMENT`] it runs as a worker process, which converts one image.

#![forbid(unsafe_code)]

use std::sync::Arc;

use anyhow::{Context, anyhow};
use function::handler::handle;
use function::log;
use function::shutdown::Shutdown;
use lambda_runtime::layers::TracingLayer;
use lambda_runtime::tower::layer::layer_fn;
use lambda_runtime::{LambdaEvent, Runtime, service_fn};
use serde_json::Value;
use settings::Settings;
use transfer::Store;
use transfer::worker;

fn main() -> anyhow::Result<()> {
    // These calls change the whole process, so they must happen before the process starts a thread.
    let (shares_memory, quiet) = (avif::use_one_malloc_arena(), avif::silence_svt_av1());
    if std::env::args_os().nth(1).is_some_and(|argument| argument == worker::ARGUMENT) {
        return worker::serve().context("cannot convert an image");
    }
    // Worker processes run as the same user. They must not read the credentials in the memory and environment of this
    // process.
    #[cfg(target_os = "linux")]
    nix::sys::prctl::set_dumpable(false).context("cannot protect this process's memory")?;
    serve(shares_memory, quiet)
}

#[tokio::main]
async fn serve(shares_memory: bool, quiet: bool) -> anyhow::Result<()> {
    let settings = Settings::from_env()?;
    log::init(settings.log);
    tracing::info!(library = %avif::library(), recipe = %settings.plan.fingerprint(), shares_memory, quiet, "ready");
    let shutdown = Shutdown::on_sigterm().context("cannot install a handler of SIGTERM")?;
    let store = Store::connect(settings.store_options).await;
    let (plan, serving) = (Arc::new(settings.plan), settings.serving.map(Arc::new));
    let handler_shutdown = shutdown.clone();
    let service = service_fn(move |event: LambdaEvent<Value>| {
        let (store, plan, serving) = (store.clone(), Arc::clone(&plan), serving.clone());
        let shutdown = handler_shutdown.clone();
        async move { handle(&store, &plan, serving.as_deref(), &shutdown, event).await }
    });
    let track = layer_fn(|service| shutdown.track(service));
    let runtime = Runtime::new(service).layer(TracingLayer::new()).layer(track);
    tokio::select! {
        // The runtime handles events concurrently only on Lambda Managed Instances.
        result = runtime.run_concurrent() => result.map_err(|error| anyhow!(error)),
        () = shutdown.wait_until_idle() => std::process::exit(0),
    }
}
