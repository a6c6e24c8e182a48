//! The server as a tower service. A request is answered directly; one that wants to change the protocol (exec) goes
//! through an in-memory pipe with hyper at both ends, since only a connection can be taken over.

use std::convert::Infallible;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures::future::BoxFuture;
use http::{Request, Response, header};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use tower::{BoxError, Service};

use super::body::{self, Body};
use super::request::{Call, parse_query};
use super::{Server, Status};

/// How much an in-memory connection holds before its writer waits.
const PIPE: usize = 256 * 1024;

/// See [`Server::client_service`].
#[derive(Clone)]
pub struct ClientService {
    server: Server,
}

impl ClientService {
    pub(super) fn new(server: Server) -> Self {
        Self { server }
    }
}

impl<B> Service<Request<B>> for ClientService
where
    B: http_body::Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: Into<BoxError>,
{
    type Response = Response<ServedBody>;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<Self::Response, BoxError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let server = self.server.clone();
        Box::pin(async move {
            if request.headers().contains_key(header::UPGRADE) {
                let response = server.through_pipe(request).await?;
                return Ok(response.map(|body| body.map_err(BoxError::from).boxed_unsync()));
            }
            let response = server.serve(request).await;
            Ok(response.map(|body| body.map_err(BoxError::from).boxed_unsync()))
        })
    }
}

/// The body of an answer.
pub type ServedBody = http_body_util::combinators::UnsyncBoxBody<Bytes, BoxError>;

impl Server {
    /// Answers one request.
    pub async fn serve<B>(&self, mut request: Request<B>) -> Response<Body>
    where
        B: http_body::Body<Data = Bytes>,
        B::Error: Into<BoxError>,
    {
        let upgrade = request.headers().contains_key(header::UPGRADE).then(|| hyper::upgrade::on(&mut request));
        let (head, body) = request.into_parts();
        let body = match body::read(body).await {
            Ok(body) => body,
            Err(status) => return body::error(&status),
        };
        let call = Call {
            method: head.method,
            path: head.uri.path().to_owned(),
            query: parse_query(head.uri.query().unwrap_or_default()),
            headers: head.headers,
            body,
            user: self.config().user.clone(),
        };
        match upgrade {
            Some(upgrade) => self.upgrade(call, upgrade),
            None => self.answer(call).await,
        }
    }

    /// Answers the requests of one connection, upgrades included, until it ends.
    ///
    /// # Errors
    /// When the connection breaks.
    pub async fn serve_connection<T>(&self, io: T) -> Result<(), hyper::Error>
    where
        T: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
    {
        let server = self.clone();
        let answer = hyper::service::service_fn(move |request: Request<Incoming>| {
            let server = server.clone();
            async move { Ok::<_, Infallible>(server.serve(request).await) }
        });
        let connection = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(io), answer);
        connection.with_upgrades().await
    }

    async fn through_pipe<B>(&self, request: Request<B>) -> Result<Response<Incoming>, BoxError>
    where
        B: http_body::Body<Data = Bytes> + Send + Unpin + 'static,
        B::Error: Into<BoxError>,
    {
        let (near, far) = tokio::io::duplex(PIPE);
        let server = self.clone();
        tokio::spawn(async move {
            if let Err(error) = server.serve_connection(far).await {
                tracing::debug!(%error, "an in-memory connection broke");
            }
        });
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(near)).await?;
        tokio::spawn(async move {
            if let Err(error) = connection.with_upgrades().await {
                tracing::debug!(%error, "an in-memory connection broke");
            }
        });
        // A request on a connection names only the path, and the host in a header.
        let (mut head, body) = request.into_parts();
        if !head.headers.contains_key(header::HOST) {
            head.headers.insert(header::HOST, http::HeaderValue::from_static("kubernetes.default.svc"));
        }
        let path = head.uri.path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
        head.uri = path.parse()?;
        let body = body.map_err(Into::into).boxed_unsync();
        Ok(sender.send_request(Request::from_parts(head, body)).await?)
    }

    fn upgrade(&self, call: Call, upgrade: hyper::upgrade::OnUpgrade) -> Response<Body> {
        match self.exec(&call, upgrade) {
            Ok(response) => response,
            Err(status) => body::error(&status),
        }
    }

    pub(super) fn parse_exec(&self, path: &str) -> Result<super::request::Target, Status> {
        let target = self.target_of(path)?;
        match target.subresource.as_deref() {
            Some("attach" | "exec") if target.kind.kind == "Pod" => Ok(target),
            _ => Err(Status::no_resource()),
        }
    }
}
