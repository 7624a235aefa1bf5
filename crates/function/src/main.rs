//! `bootstrap`: reads the configuration, builds the client, serves events until Lambda ends it. Started by itself, it converts
//! one image instead.

#![forbid(unsafe_code)]

use std::sync::Arc;

use anyhow::{Context, anyhow};
use function::handler::handle;
use function::log;
use function::stop::Stop;
use lambda_runtime::layers::TracingLayer;
use lambda_runtime::tower::layer::layer_fn;
use lambda_runtime::{LambdaEvent, Runtime, service_fn};
use serde_json::Value;
use settings::Settings;
use transfer::Store;
use transfer::worker;

fn main() -> anyhow::Result<()> {
    // Before the first thread is started.
    let (shares_memory, quiet) = (avif::share_memory(), avif::quiet_encoders());
    if std::env::args_os().nth(1).is_some_and(|argument| argument == worker::ARGUMENT) {
        return worker::serve().context("cannot convert an image");
    }
    // What converts images runs as the same user, and must not read this process's memory or environment: its credentials.
    #[cfg(target_os = "linux")]
    nix::sys::prctl::set_dumpable(false).context("cannot protect this process's memory")?;
    serve(shares_memory, quiet)
}

#[tokio::main]
async fn serve(shares_memory: bool, quiet: bool) -> anyhow::Result<()> {
    let settings = Settings::from_env()?;
    log::start(settings.log);
    tracing::info!(library = %avif::library(), recipe = %settings.plan.fingerprint(), shares_memory, quiet, "ready");
    let stop = Stop::on_sigterm()?;
    let store = Store::connect(settings.connection).await;
    let plan = Arc::new(settings.plan);
    let stopping = stop.clone();
    let service = service_fn(move |event: LambdaEvent<Value>| {
        let (store, plan, stop) = (store.clone(), Arc::clone(&plan), stopping.clone());
        async move { handle(&store, &plan, &stop, event).await }
    });
    let watched = layer_fn(|service| stop.watch(service));
    let runtime = Runtime::new(service).layer(TracingLayer::new()).layer(watched);
    tokio::select! {
        // Several at a time only where Lambda says so.
        ended = runtime.run_concurrent() => ended.map_err(|error| anyhow!(error)),
        () = stop.over() => std::process::exit(0),
    }
}
