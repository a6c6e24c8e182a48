//! Commands in containers, over WebSocket, as `v5.channel.k8s.io` and `v4.channel.k8s.io` have it: the first byte of each
//! message names its stream.

use std::ops::ControlFlow;

use bytes::Bytes;
use futures::{SinkExt as _, StreamExt as _};
use http::{HeaderValue, Response, StatusCode, header};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role, frame::coding::CloseCode};
use tokio_tungstenite::tungstenite::{Error, Message};

use super::super::body::{self, Body};
use super::super::hooks::{Attached, ExecAnswer, ExecRequest, LogStream};
use super::super::request::Call;
use super::super::{Server, Status};
use crate::sandbox::cluster::store::Object;

/// The protocols that are spoken, the best first.
const PROTOCOLS: [&str; 2] = ["v5.channel.k8s.io", "v4.channel.k8s.io"];

const STDIN: u8 = 0;
const STDOUT: u8 = 1;
const STDERR: u8 = 2;
const ERROR: u8 = 3;
/// v5: the stream whose number follows is at its end.
const CLOSE: u8 = 255;

/// How much of a stream a message carries.
const CHUNK: usize = 32 * 1024;

type Socket = WebSocketStream<TokioIo<hyper::upgrade::Upgraded>>;

impl Server {
    /// Answers a request to run a command: changes the protocol and goes on there.
    pub(in super::super) fn exec(
        &self,
        call: &Call,
        upgrade: hyper::upgrade::OnUpgrade,
    ) -> Result<Response<Body>, Status> {
        let target = self.parse_exec(call.path.trim_end_matches('/'))?;
        self.authorize(call, &target)?;
        // kubectl asks once more in its older protocol when it was refused; what is wrong with the request is told to both.
        let (pod, container, request) = self.exec_request(call, &target)?;
        if !call.header(header::UPGRADE).eq_ignore_ascii_case("websocket") {
            return Err(Status::bad_request("unable to upgrade: only websocket is spoken"));
        }
        let offered: Vec<&str> = call.header(header::SEC_WEBSOCKET_PROTOCOL).split(',').map(str::trim).collect();
        let protocol = PROTOCOLS.into_iter().find(|one| offered.contains(one)).ok_or_else(|| {
            Status::bad_request(format!("unable to upgrade: unsupported protocols: [{}]", offered.join(" ")))
        })?;
        let stdin = call.flag("stdin");
        let session =
            Session { server: self.clone(), pod, container, request, closes: protocol == PROTOCOLS[0], stdin };
        tokio::spawn(async move {
            match upgrade.await {
                Ok(connection) => {
                    let socket = WebSocketStream::from_raw_socket(TokioIo::new(connection), Role::Server, None).await;
                    if let Err(error) = session.run(socket).await {
                        tracing::debug!(%error, "an exec connection broke");
                    }
                }
                Err(error) => tracing::debug!(%error, "a connection was not taken over"),
            }
        });
        let accept = derive_accept_key(call.header(header::SEC_WEBSOCKET_KEY).as_bytes());
        let mut response = Response::new(body::full(Bytes::new()));
        *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
        let headers = response.headers_mut();
        headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
        headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
        headers.insert(header::SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(protocol));
        if let Ok(accept) = HeaderValue::from_str(&accept) {
            headers.insert(header::SEC_WEBSOCKET_ACCEPT, accept);
        }
        Ok(response)
    }
}

struct Session {
    server: Server,
    pod: Object,
    container: String,
    request: ExecRequest,
    /// Whether the protocol can say that a stream is at its end.
    closes: bool,
    stdin: bool,
}

impl Session {
    async fn run(mut self, mut socket: Socket) -> Result<(), Error> {
        // Containers answer at once and whole, so what is written to them is read to its end first. Without a way to say
        // where that is (v4), nothing is waited for.
        if self.stdin && self.closes {
            self.request.stdin = Some(read_stdin(&mut socket).await?);
        }
        let tty = self.request.tty;
        let answer = match self.server.containers() {
            Some(containers) if self.request.command.is_empty() => {
                containers.attach(&self.pod, &self.container, self.request.stdin)
            }
            Some(containers) => containers.exec(&self.pod, &self.container, self.request).await.map(Attached::Ended),
            None => Err(Status::internal("no kubelet answers")),
        };
        let status = match answer {
            Ok(Attached::Ended(answer)) => {
                let (first, second) = if tty { (STDOUT, STDOUT) } else { (STDOUT, STDERR) };
                // Programs tell what they do before they print what came of it.
                send(&mut socket, second, &answer.stderr).await?;
                send(&mut socket, first, &answer.stdout).await?;
                ended(&answer)
            }
            Ok(Attached::Prints(printed)) => {
                if pass(&mut socket, printed).await?.is_break() {
                    return Ok(());
                }
                ended(&ExecAnswer::default())
            }
            Err(status) => status.to_json(),
        };
        send(&mut socket, ERROR, status.to_string().as_bytes()).await?;
        socket.send(Message::Close(Some(CloseFrame { code: CloseCode::Normal, reason: "".into() }))).await?;
        // The other side closes too; until then the connection must not be dropped.
        while let Some(message) = socket.next().await {
            if matches!(message, Err(_) | Ok(Message::Close(_))) {
                break;
            }
        }
        Ok(())
    }
}

/// Sends what a container prints until it ends, or the other side has gone (`Break`).
async fn pass(socket: &mut Socket, mut printed: LogStream) -> Result<ControlFlow<()>, Error> {
    loop {
        let text = tokio::select! {
            text = printed.next() => text,
            message = socket.next() => match message {
                None | Some(Err(_) | Ok(Message::Close(_))) => return Ok(ControlFlow::Break(())),
                // What it is told now it does not read.
                Some(Ok(_)) => continue,
            },
        };
        match text {
            Some(text) => send(socket, STDOUT, &text).await?,
            None => return Ok(ControlFlow::Continue(())),
        }
    }
}

async fn read_stdin(socket: &mut Socket) -> Result<Vec<u8>, Error> {
    let mut input = Vec::new();
    while let Some(message) = socket.next().await {
        match message? {
            Message::Binary(bytes) => match bytes.split_first() {
                Some((&STDIN, data)) if input.len() + data.len() <= body::LARGEST => input.extend_from_slice(data),
                Some((&CLOSE, &[STDIN])) => break,
                _ => {}
            },
            Message::Close(_) => break,
            _ => {}
        }
    }
    Ok(input)
}

async fn send(socket: &mut Socket, channel: u8, data: &[u8]) -> Result<(), Error> {
    for chunk in data.chunks(CHUNK) {
        let mut message = Vec::with_capacity(chunk.len() + 1);
        message.push(channel);
        message.extend_from_slice(chunk);
        socket.send(Message::Binary(message.into())).await?;
    }
    Ok(())
}

/// How a command ended, as the error stream tells it.
fn ended(answer: &ExecAnswer) -> Value {
    if answer.exit_code == 0 {
        return json!({"metadata": {}, "status": "Success"});
    }
    let code = answer.exit_code.to_string();
    json!({
        "metadata": {}, "status": "Failure",
        "message": format!("command terminated with non-zero exit code: command terminated with exit code {code}"),
        "reason": "NonZeroExitCode",
        "details": {"causes": [{"reason": "ExitCode", "message": code}]},
    })
}
