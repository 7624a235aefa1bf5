//! An S3 over a folder, by s3s-fs, whose writes are told of.

mod access;
mod bucket;
mod call;
mod client;
mod condition;
mod door;
mod faults;
mod listing;
mod notification;
mod refusal;
mod secret;
mod sender;

use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use s3s::auth::SimpleAuth;
use s3s::service::{S3Service, S3ServiceBuilder};
use s3s_fs::FileSystem;
use serde_json::Value;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use access::Access;
use bucket::Buckets;
pub use call::Call;
use call::Calls;
pub use door::Door;
pub use faults::{Faults, Rates};
pub use refusal::Refusal;
pub use secret::folder_secret;

/// The access key that the server knows: the one of AWS's own examples.
pub const ACCESS_KEY: &str = "AKIAIOSFODNN7EXAMPLE";
/// A secret for tests. A server that stays up has one of its own: [`folder_secret`].
pub const SECRET_KEY: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";

/// What a server is started with.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where it listens; port 0 takes a free one.
    pub address: SocketAddr,
    /// Where objects lie, as plain files in a folder a bucket. What is put there by hand is an object, and nobody is
    /// told of it. As in any folder, an object `a` and an object `a/b` exclude each other.
    pub folder: PathBuf,
    /// The secret key that requests are signed with.
    pub secret: String,
    /// The buckets, which are made where they do not exist yet.
    pub buckets: Vec<String>,
}

/// A running server. It ends when this is dropped.
#[derive(Debug)]
pub struct S3 {
    service: S3Service,
    door: Door,
    calls: Calls,
    heedless: Arc<AtomicBool>,
    secret: String,
}

impl S3 {
    /// Starts a server, with the notifications that it sends: one for every object that is put, copied, completed as a
    /// multipart upload, or deleted by itself (`DeleteObjects` tells nobody), before the request is answered. Paths name
    /// the bucket first, requests are signed with [`ACCESS_KEY`] and the secret. Keys that lead out of their
    /// bucket's folder are refused, and so are requests from web pages: to another host, from another origin, or HTML forms.
    ///
    /// # Errors
    /// The address is taken, or the folder cannot be written.
    pub async fn start(settings: Settings) -> io::Result<(Self, UnboundedReceiver<Value>)> {
        let Settings { address, folder, secret, buckets } = settings;
        for bucket in &buckets {
            std::fs::create_dir_all(folder.join(bucket))?;
        }
        let folder = folder.canonicalize()?;
        let files = FileSystem::new(&folder).map_err(|error| io::Error::other(format!("{error:?}")))?;
        let (notify, notifications) = unbounded_channel();
        let access = Access::new(folder.clone());
        let buckets = Buckets::new(files, folder, notify);
        let (calls, heedless) = (buckets.calls.clone(), Arc::clone(&buckets.heedless));
        let mut builder = S3ServiceBuilder::new(buckets);
        builder.set_auth(SimpleAuth::from_single(ACCESS_KEY, secret.as_str()));
        builder.set_access(access);
        let service = builder.build();
        let door = Door::open(address, service.clone(), Faults::none(), unbounded_channel().0).await?;
        Ok((Self { service, door, calls, heedless, secret }, notifications))
    }

    /// Opens another door to it, at a free port, where things go wrong. A message comes for each time that the process
    /// on the other side is to be killed; the request that it was making is not answered.
    ///
    /// # Errors
    /// There is no free port.
    pub async fn door(&self, faults: Faults) -> io::Result<(Door, UnboundedReceiver<()>)> {
        let (kills, to_kill) = unbounded_channel();
        let door = Door::open((Ipv4Addr::LOCALHOST, 0).into(), self.service.clone(), faults, kills).await?;
        Ok((door, to_kill))
    }

    /// From here on calls are recorded, to be taken by [`take_calls`](Self::take_calls).
    pub fn record_calls(&self) {
        self.calls.record();
    }

    /// The calls that were recorded since this was last asked.
    #[must_use]
    pub fn take_calls(&self) -> Vec<Call> {
        self.calls.take()
    }

    /// From here on it takes every condition for fulfilled, as a store does that knows none.
    pub fn ignore_conditions(&self) {
        self.heedless.store(true, Ordering::Relaxed);
    }

    /// Where it is reached.
    #[must_use]
    pub fn endpoint(&self) -> String {
        self.door.endpoint()
    }

    /// The environment variables with which an AWS SDK finds it.
    #[must_use]
    pub fn environment(&self) -> BTreeMap<String, String> {
        self.environment_at(&self.door)
    }

    /// The same, by another door.
    #[must_use]
    pub fn environment_at(&self, door: &Door) -> BTreeMap<String, String> {
        let variables = [
            ("AWS_ACCESS_KEY_ID", ACCESS_KEY.to_owned()),
            ("AWS_ENDPOINT_URL_S3", door.endpoint()),
            ("AWS_SECRET_ACCESS_KEY", self.secret.clone()),
        ];
        variables.map(|(name, value)| (name.to_owned(), value)).into()
    }
}
