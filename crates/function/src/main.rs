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

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let config = Config::from_env()?;
    log::start(config.log);
    tracing::info!(library = %avif::library(), recipe = %config.plan.fingerprint(), "ready");
    let store = Store::connect(config.connection).await;
    let plan = Arc::new(config.plan);
    let serve = service_fn(move |event: LambdaEvent<Value>| {
        let (store, plan) = (store.clone(), Arc::clone(&plan));
        async move { handle(&store, &plan, event).await }
    });
    // Several at a time only where Lambda says so.
    lambda_runtime::run_concurrent(serve).await.map_err(|error| anyhow!(error))
}
