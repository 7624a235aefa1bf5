//! An S3 server that stores objects in a folder and emits notifications. It is based on s3s-fs.

mod access;
mod buckets;
mod calls;
mod client;
mod conditions;
mod credentials;
mod endpoint;
mod faults;
mod injected_response;
mod listing;
mod notification;
mod request_origin;

use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use aws_sdk_s3::Client;
use s3s::auth::SimpleAuth;
use s3s::service::{S3Service, S3ServiceBuilder};
use s3s_fs::FileSystem;
use serde_json::Value;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use access::Access;
use buckets::Buckets;
pub use calls::Call;
use calls::Calls;
pub use client::s3_client;
pub use credentials::{ACCESS_KEY, SECRET_KEY, load_or_create_secret_key};
pub use endpoint::Endpoint;
pub use faults::{FaultRates, Faults};
pub use injected_response::InjectedResponse;

/// The settings of a server.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The address to listen on; port 0 selects a free port.
    pub address: SocketAddr,
    /// The folder that contains one folder for each bucket. Each object is a plain file. A file that is copied into a
    /// bucket's folder is an object, but causes no notification. Objects `a` and `a/b` cannot both exist, because `a`
    /// would be a file and a folder.
    pub folder: PathBuf,
    /// The secret key that signs requests.
    pub secret: String,
    /// The names of the buckets. The server creates those that do not exist.
    pub buckets: Vec<String>,
}

/// A running server. Dropping it stops it.
#[derive(Debug)]
pub struct S3 {
    service: S3Service,
    endpoint: Endpoint,
    calls: Calls,
    ignores_conditions: Arc<AtomicBool>,
    secret_key: String,
}

impl S3 {
    /// Starts a server. Returns it with a channel of notifications: one for each put, copy, completed multipart upload
    /// and single deletion (not for `DeleteObjects`). The server sends a notification before it responds to the
    /// request.
    ///
    /// URLs are path-style, and requests are signed with [`ACCESS_KEY`] and the secret key. The server rejects a key
    /// whose path is outside of its bucket's folder. It also rejects requests from web pages: those with another host
    /// or origin, and HTML forms.
    ///
    /// # Errors
    /// The address is in use, or the folder is not writable.
    pub async fn start(settings: Settings) -> io::Result<(Self, UnboundedReceiver<Value>)> {
        let Settings { address, folder, secret, buckets } = settings;
        for bucket in &buckets {
            std::fs::create_dir_all(folder.join(bucket))?;
        }
        let folder = folder.canonicalize()?;
        let files = FileSystem::new(&folder).map_err(|error| io::Error::other(format!("{error:?}")))?;
        let (sender, notifications) = unbounded_channel();
        let access = Access::new(folder.clone());
        let buckets = Buckets::new(files, folder, sender);
        let (calls, ignores_conditions) = (buckets.calls.clone(), Arc::clone(&buckets.ignores_conditions));
        let mut builder = S3ServiceBuilder::new(buckets);
        builder.set_auth(SimpleAuth::from_single(ACCESS_KEY, secret.as_str()));
        builder.set_access(access);
        let service = builder.build();
        let endpoint = Endpoint::open(address, service.clone(), Faults::none(), unbounded_channel().0).await?;
        Ok((Self { service, endpoint, calls, ignores_conditions, secret_key: secret }, notifications))
    }

    /// Opens another endpoint with faults, on a free port of loopback. The channel receives a message each time the
    /// caller must kill the client's process. The request of that client gets no response.
    ///
    /// # Errors
    /// There is no free port.
    pub async fn open_endpoint(&self, faults: Faults) -> io::Result<(Endpoint, UnboundedReceiver<()>)> {
        let (sender, kills) = unbounded_channel();
        let endpoint = Endpoint::open((Ipv4Addr::LOCALHOST, 0).into(), self.service.clone(), faults, sender).await?;
        Ok((endpoint, kills))
    }

    /// Starts the recording of calls. [`take_calls`](Self::take_calls) returns them.
    pub fn record_calls(&self) {
        self.calls.record();
    }

    /// Returns the calls that were recorded since the last call of this function.
    #[must_use]
    pub fn take_calls(&self) -> Vec<Call> {
        self.calls.take()
    }

    /// Makes the server ignore `If-Match` and `If-None-Match` from now on, like a store that does not support them.
    pub fn ignore_conditions(&self) {
        self.ignores_conditions.store(true, Ordering::Relaxed);
    }

    /// Creates a client of this server that signs with this secret key. A test may use a wrong key.
    #[must_use]
    pub fn client(&self, secret_key: &str) -> Client {
        s3_client(&self.endpoint_url(), secret_key)
    }

    /// The URL of the endpoint without faults.
    #[must_use]
    pub fn endpoint_url(&self) -> String {
        self.endpoint.url()
    }

    /// Returns the environment variables that configure an AWS SDK for the endpoint without faults.
    #[must_use]
    pub fn environment(&self) -> BTreeMap<String, String> {
        self.environment_for(&self.endpoint)
    }

    /// Returns the environment variables that configure an AWS SDK for this endpoint.
    #[must_use]
    pub fn environment_for(&self, endpoint: &Endpoint) -> BTreeMap<String, String> {
        let variables = [
            ("AWS_ACCESS_KEY_ID", ACCESS_KEY.to_owned()),
            ("AWS_ENDPOINT_URL_S3", endpoint.url()),
            ("AWS_SECRET_ACCESS_KEY", self.secret_key.clone()),
        ];
        variables.map(|(name, value)| (name.to_owned(), value)).into()
    }
}
