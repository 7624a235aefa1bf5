//! `bootstrap`: reads the configuration, builds the client, serves events until Lambda ends it.

#![forbid(unsafe_code)]

use std::sync::Arc;

use anyhow::anyhow;
use function::config::Config;
use function::handler::handle;
use function::log;
use function::stop::Stop;
use lambda_runtime::layers::TracingLayer;
use lambda_runtime::tower::layer::layer_fn;
use lambda_runtime::{LambdaEvent, Runtime, service_fn};
use serde_json::Value;
use transfer::Store;

fn main() -> anyhow::Result<()> {
    // Before the first thread is started.
    let (shares_memory, quiet) = (avif::share_memory(), avif::quiet_encoders());
    serve(shares_memory, quiet)
}

#[tokio::main]
async fn serve(shares_memory: bool, quiet: bool) -> anyhow::Result<()> {
    let config = Config::from_env()?;
    log::start(config.log);
    tracing::info!(library = %avif::library(), recipe = %config.plan.fingerprint(), shares_memory, quiet, "ready");
    let stop = Stop::on_sigterm()?;
    let store = Store::connect(config.connection).await;
    let plan = Arc::new(config.plan);
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
        // At once: a picture that is being encoded holds a thread that nobody can stop.
        () = stop.over() => std::process::exit(0),
    }
}
