//! The AWS account that a command works in: region, credentials and endpoints as the AWS CLI has them. IAM Identity Center,
//! `aws login` and `credential_process` are features of aws-config that this crate alone turns on: people have such
//! credentials, the function has not.

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

/// Reads the configuration and loads credentials, so that what is missing is reported before any work and with what to do
/// about it.
///
/// # Errors
/// No region or no credentials.
pub(crate) async fn connect() -> anyhow::Result<SdkConfig> {
    let config = transfer::access().await;
    if config.region().is_none_or(|region| region.as_ref().is_empty()) {
        bail!(NO_REGION);
    }
    let provider = config.credentials_provider().context("no provider of AWS credentials is configured")?;
    let loaded = provider.provide_credentials().await.map_err(|error| {
        let cause = format!("{:#}", anyhow::Error::new(error));
        anyhow!("cannot load AWS credentials: {}\n{REMEDIES}", cause.trim_end())
    })?;
    let provider = Loaded { first: Mutex::new(Some(loaded)), provider };
    Ok(config.into_builder().credentials_provider(SharedCredentialsProvider::new(provider)).build())
}

/// Gives the credentials that were loaded already, once, and loads new ones after that: a `credential_process` may ask its
/// user for a code, which it should do once.
#[derive(Debug)]
struct Loaded {
    first: Mutex<Option<Credentials>>,
    provider: SharedCredentialsProvider,
}

impl ProvideCredentials for Loaded {
    fn provide_credentials<'this>(&'this self) -> future::ProvideCredentials<'this>
    where
        Self: 'this,
    {
        let first = self.first.lock().expect("nobody panics while holding it").take();
        match first {
            Some(credentials) => future::ProvideCredentials::ready(Ok(credentials)),
            None => self.provider.provide_credentials(),
        }
    }
}
