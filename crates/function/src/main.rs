//! `bootstrap`: reads the configuration, builds the client, serves events until Lambda ends it.

#![forbid(unsafe_code)]

use std::sync::Arc;

use anyhow::anyhow;
use function::config::Config;
use function::handler::handle;
use function::log;
use lambda_runtime::{LambdaEvent, service_fn};
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
    let store = Store::connect(config.connection).await;
    let plan = Arc::new(config.plan);
    let service = service_fn(move |event: LambdaEvent<Value>| {
        let (store, plan) = (store.clone(), Arc::clone(&plan));
        async move { handle(&store, &plan, event).await }
    });
    // Several at a time only where Lambda says so.
    lambda_runtime::run_concurrent(service).await.map_err(|error| anyhow!(error))
}
