//! The environment variables of a process.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use super::function::{Function, REGION};
use super::record::Category;

/// The variables that only a runtime receives, not an extension (AWS Lambda developer guide, "Configuring Lambda
/// extensions").
const RUNTIME_ONLY: [&str; 5] =
    ["AWS_LAMBDA_LOG_GROUP_NAME", "AWS_LAMBDA_LOG_STREAM_NAME", "LAMBDA_RUNTIME_DIR", "LAMBDA_TASK_ROOT", "_HANDLER"];

/// Returns the variables that Lambda sets (AWS Lambda developer guide, "Defined runtime environment variables") and the
/// function's own variables. A variable of the function overrides a variable of Lambda with the same name.
pub(super) fn environment_variables(
    function: &Function,
    api: SocketAddr,
    category: Category,
) -> BTreeMap<String, String> {
    let defined = [
        ("AWS_DEFAULT_REGION", REGION.into()),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", function.memory.to_string()),
        ("AWS_LAMBDA_FUNCTION_NAME", function.name.clone()),
        ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST".into()),
        ("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand".into()),
        ("AWS_LAMBDA_LOG_GROUP_NAME", format!("/aws/lambda/{}", function.name)),
        ("AWS_LAMBDA_LOG_STREAM_NAME", format!("emulator/[$LATEST]{}", api.port())),
        ("AWS_LAMBDA_RUNTIME_API", api.to_string()),
        ("AWS_REGION", REGION.into()),
        ("LAMBDA_RUNTIME_DIR", "/var/runtime".into()),
        ("LAMBDA_TASK_ROOT", "/var/task".into()),
        ("LANG", "en_US.UTF-8".into()),
        ("PATH", "/usr/local/bin:/usr/bin/:/bin:/opt/bin".into()),
        ("TZ", ":UTC".into()),
        ("_HANDLER", "bootstrap".into()),
    ];
    let is_visible = |name: &str| category != Category::Extension || !RUNTIME_ONLY.contains(&name);
    let defined = defined.into_iter().filter(|(name, _)| is_visible(name));
    let defined = defined.map(|(name, value)| (name.to_owned(), value));
    defined.chain(function.environment.clone()).collect()
}
