//! The API server on a socket: TLS, and a token with every request.

use std::convert::Infallible;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt as _;
use http::{Method, Request, Response, header};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use super::identity::{Identity, same};
use super::login;
use super::{Promise, ServeError, accept};
use crate::clock::Clock;
use crate::sandbox::cluster::api::{ServedBody, Server, Status};

/// How long a connection may take for its handshake.
const HANDSHAKE: Duration = Duration::from_secs(10);

struct Front {
    server: Server,
    identity: Identity,
    /// The cluster's name in the account.
    name: String,
    promise: Option<Promise>,
}

/// Answers connections until `stop`.
///
/// # Errors
/// When the identity's certificate cannot be used.
pub(super) fn serve(
    listener: TcpListener,
    server: Server,
    identity: &Identity,
    name: &str,
    clock: Clock,
    promise: Option<Promise>,
    stop: CancellationToken,
) -> Result<(), ServeError> {
    let acceptor = TlsAcceptor::from(identity.tls()?);
    let front = Arc::new(Front { server, identity: identity.clone(), name: name.to_owned(), promise });
    let connect = move |stream| {
        let (acceptor, front, clock) = (acceptor.clone(), Arc::clone(&front), clock.clone());
        async move {
            if let Err(error) = front.connection(stream, &acceptor, &clock).await {
                tracing::debug!(%error, "a connection to the cluster ended");
            }
        }
    };
    tokio::spawn(stop.clone().run_until_cancelled_owned(accept(listener, connect, stop)));
    Ok(())
}

impl Front {
    async fn connection(
        self: &Arc<Self>,
        stream: TcpStream,
        acceptor: &TlsAcceptor,
        clock: &Clock,
    ) -> Result<(), tower::BoxError> {
        stream.set_nodelay(true)?;
        // The other end works in real time, whatever the speed.
        let busy = clock.busy();
        let stream = clock.timeout(HANDSHAKE, acceptor.accept(stream)).await??;
        drop(busy);
        let front = Arc::clone(self);
        let answer = service_fn(move |request: Request<Incoming>| {
            let front = Arc::clone(&front);
            async move {
                let answer = AssertUnwindSafe(front.answer(request)).catch_unwind().await;
                let broken = |_| refused(&Status::internal("lectern's own fault: its standard error says more"));
                Ok::<_, Infallible>(answer.unwrap_or_else(broken))
            }
        });
        let connection = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), answer);
        Ok(connection.with_upgrades().await?)
    }

    async fn answer(&self, request: Request<Incoming>) -> Response<ServedBody> {
        if !self.knows(&request) {
            return refused(&Status::unauthorized());
        }
        let changes = !matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
        let response = self.server.serve(request).await;
        if changes
            && response.status().is_success()
            && let Some(promise) = &self.promise
            && let Err(error) = promise.kept().await
        {
            return refused(&Status::internal(&format!("the change was made but could not be saved: {error}")));
        }
        response.map(|body| body.map_err(tower::BoxError::from).boxed_unsync())
    }

    fn knows<B>(&self, request: &Request<B>) -> bool {
        let Some(given) = request.headers().get(header::AUTHORIZATION) else { return false };
        let given = given.as_bytes();
        let Some((scheme, token)) = given.split_at_checked("Bearer ".len()) else { return false };
        let token = token.trim_ascii();
        scheme.eq_ignore_ascii_case(b"Bearer ")
            && (same(token, self.identity.token.as_bytes())
                || std::str::from_utf8(token)
                    .is_ok_and(|token| login::takes(&self.identity, &self.name, token, jiff::Timestamp::now())))
    }
}

fn refused(status: &Status) -> Response<ServedBody> {
    status.response().map(|body| body.map_err(tower::BoxError::from).boxed_unsync())
}
