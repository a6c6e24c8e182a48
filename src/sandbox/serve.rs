//! The sandbox on sockets of this machine, for programs that lectern did not bring: the cluster over TLS with a bearer
//! token (kubectl sends none over plain HTTP), the account over plain HTTP with an access key.
//!
//! Both answer on a loopback address only. Certificate authority, token and access key are made for one sandbox and are
//! worth nothing elsewhere.

mod account;
mod cluster;
mod identity;
mod login;
mod private;
mod state;

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures::FutureExt as _;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::{CancellationToken, DropGuard};

pub use identity::Identity;
use private::PrivateFolder;
pub use state::{Promise, Saved, StateFolder};

use super::Sandbox;
use crate::clock::Clock;
use crate::fault::{Room, may_panic};

/// Why a sandbox is not served.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The address is one that other machines could reach.
    #[error("{0} is not a loopback address: a sandbox answers this machine only")]
    NotLoopback(SocketAddr),
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// A file cannot be read or written.
    #[error("{}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file holds something else than what lectern wrote there.
    #[error("{}: {message}", path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        message: String,
    },
    /// Another lectern has the folder.
    #[error("{} is in use by another `lectern sandbox`", .0.display())]
    InUse(PathBuf),
    /// Keys or certificates could not be made.
    #[error("no certificate could be made: {0}")]
    Certificate(String),
    /// The sandbox's state cannot be taken or put back.
    #[error(transparent)]
    Sandbox(#[from] super::SandboxError),
}

impl ServeError {
    fn file(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::File { path, source }
    }
}

/// A sandbox that answers on sockets. It stops when this is dropped.
pub struct Serving {
    kubeconfig: PathBuf,
    environment: BTreeMap<String, String>,
    promise: Option<Promise>,
    // Its controllers end with it.
    _sandbox: Sandbox,
    _private: Option<PrivateFolder>,
    _running: DropGuard,
}

impl Serving {
    /// Answers on `listen`: the cluster on its port, the account on the next one; both on free ones when the port is 0.
    /// With a state folder, a change is on disk before its answer goes out; without one nothing is kept, and the kubeconfig
    /// is in a private folder that goes with this.
    ///
    /// # Errors
    /// When the address is not loopback or taken, or files cannot be written.
    pub async fn start(
        sandbox: &Sandbox,
        clock: &Clock,
        listen: SocketAddr,
        state: Option<Arc<StateFolder>>,
    ) -> Result<Self, ServeError> {
        if !listen.ip().is_loopback() {
            return Err(ServeError::NotLoopback(listen));
        }
        let private = match &state {
            Some(_) => None,
            None => {
                let made = PrivateFolder::new();
                Some(made.map_err(ServeError::file(&std::env::temp_dir()))?)
            }
        };
        let folder = match (&state, &private) {
            (Some(state), _) => state.path().to_owned(),
            (None, Some(private)) => private.path().to_owned(),
            (None, None) => PathBuf::new(),
        };
        let identity = Identity::of(&folder)?;
        let cluster = bind(listen).await?;
        let second =
            SocketAddr::new(listen.ip(), listen.port().checked_add(u16::from(listen.port() != 0)).unwrap_or(0));
        let account = bind(second).await?;
        let address = |listener: &TcpListener| {
            listener.local_addr().map_err(|source| ServeError::Listen { address: listen, source })
        };
        let (cluster_at, account_at) = (address(&cluster)?, address(&account)?);

        let name = sandbox.cluster_name().unwrap_or_else(|| "sandbox".into());
        let kubeconfig = folder.join("kubeconfig");
        state::write_private(&kubeconfig, identity.kubeconfig(&name, cluster_at).as_bytes())?;
        // What the account tells of the cluster leads to this socket, as `aws eks update-kubeconfig` wants it.
        sandbox.aws().serve_cluster(&name, &format!("https://{cluster_at}"), &identity.authority());
        let stop = CancellationToken::new();
        let promise = state.map(|folder| Promise::keep(folder, sandbox.clone(), clock.clone(), stop.clone()));
        cluster::serve(
            cluster,
            sandbox.cluster().server().clone(),
            &identity,
            &name,
            clock.clone(),
            promise.clone(),
            stop.clone(),
        )?;
        account::serve(account, sandbox.aws().clone(), &identity, promise.clone(), stop.clone());

        let mut environment = sandbox.environment();
        let region = sandbox.aws().region();
        for (name, value) in [
            ("KUBECONFIG", kubeconfig.display().to_string()),
            ("AWS_ENDPOINT_URL", format!("http://{account_at}")),
            ("AWS_ACCESS_KEY_ID", identity.access_key.clone()),
            ("AWS_SECRET_ACCESS_KEY", identity.secret_key.clone()),
            ("AWS_REGION", region.to_owned()),
            ("AWS_DEFAULT_REGION", region.to_owned()),
        ] {
            environment.insert(name.into(), value);
        }
        let sandbox = sandbox.clone();
        Ok(Self { kubeconfig, environment, promise, _sandbox: sandbox, _private: private, _running: stop.drop_guard() })
    }

    /// The kubeconfig file, readable by its owner only.
    pub fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    /// What programs need in their environment to reach this sandbox, the scenario's own variables included.
    pub fn environment(&self) -> &BTreeMap<String, String> {
        &self.environment
    }

    /// The environment as lines for a shell's `eval`. Variables that would lead elsewhere are taken away.
    pub fn exports(&self) -> String {
        let mut lines = String::from("unset AWS_PROFILE AWS_SESSION_TOKEN\n");
        for (name, value) in &self.environment {
            lines.push_str(&format!("export {name}='{}'\n", value.replace('\'', r"'\''")));
        }
        lines
    }

    /// Writes the state once more, with what the controllers did since the last request.
    ///
    /// # Errors
    /// When it cannot be written.
    pub async fn save(&self) -> Result<(), ServeError> {
        match &self.promise {
            Some(promise) => promise.kept().await,
            None => Ok(()),
        }
    }
}

async fn bind(address: SocketAddr) -> Result<TcpListener, ServeError> {
    TcpListener::bind(address).await.map_err(|source| ServeError::Listen { address, source })
}
/// Takes connections until `stop`, each served by a task of its own. A fault in one ends that one, and a fault between them
/// none.
async fn accept<F>(listener: TcpListener, connect: impl Fn(TcpStream) -> F, stop: CancellationToken)
where
    F: Future<Output = ()> + Send + 'static,
{
    loop {
        let taking = async {
            loop {
                // A connection that broke before it was taken is no reason to take no others.
                let Ok((stream, _)) = listener.accept().await else {
                    tokio::task::yield_now().await;
                    continue;
                };
                may_panic(Room::Listener);
                tokio::spawn(stop.clone().run_until_cancelled_owned(connect(stream)));
            }
        };
        let _broken: Result<(), _> = AssertUnwindSafe(taking).catch_unwind().await;
    }
}
