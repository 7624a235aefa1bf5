//! Loads the AWS configuration of a command. The region, the credentials and the endpoints come from the same sources
//! as in the AWS CLI. Only this crate enables aws-config's features for IAM Identity Center, `aws login` and
//! `credential_process`, because the function does not use such credentials.

use std::sync::Mutex;

use anyhow::{Context, anyhow, bail};
use aws_config::SdkConfig;
use aws_credential_types::Credentials;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider, future};

const NO_REGION: &str =
    "no AWS region is configured; set AWS_REGION, or choose a profile that has a region with AWS_PROFILE";

const REMEDIES: &str = "\
- Choose a profile with AWS_PROFILE.
- If its session has expired, run `aws sso login` (IAM Identity Center) or `aws login`.
- If `aws sts get-caller-identity` works and this does not, for instance because a role needs an MFA code, run
  eval \"$(aws configure export-credentials --format env)\"";

/// Reads the configuration and loads credentials. If the region or the credentials are missing, the command fails
/// before any work starts, and the error contains instructions.
///
/// # Errors
/// No region is configured, or no credentials can be loaded.
pub(crate) async fn connect() -> anyhow::Result<SdkConfig> {
    let config = transfer::load_aws_config().await;
    if config.region().is_none_or(|region| region.as_ref().is_empty()) {
        bail!(NO_REGION);
    }
    let provider = config.credentials_provider().context("no AWS credentials provider is configured")?;
    let loaded = provider.provide_credentials().await.map_err(|error| {
        let cause = format!("{:#}", anyhow::Error::new(error));
        anyhow!("cannot load AWS credentials: {}\n{REMEDIES}", cause.trim_end())
    })?;
    let provider = PreloadedCredentials { first: Mutex::new(Some(loaded)), provider };
    Ok(config.into_builder().credentials_provider(SharedCredentialsProvider::new(provider)).build())
}

/// Returns the loaded credentials on the first call, and loads new ones on later calls. A `credential_process` may ask
/// the user for a code. Without this type it would run twice: when the credentials are checked, and before the first
/// request.
#[derive(Debug)]
struct PreloadedCredentials {
    first: Mutex<Option<Credentials>>,
    provider: SharedCredentialsProvider,
}

impl ProvideCredentials for PreloadedCredentials {
    fn provide_credentials<'this>(&'this self) -> future::ProvideCredentials<'this>
    where
        Self: 'this,
    {
        let first = self.first.lock().expect("no code panics while it holds the lock").take();
        match first {
            Some(credentials) => future::ProvideCredentials::ready(Ok(credentials)),
            None => self.provider.provide_credentials(),
        }
    }
}
