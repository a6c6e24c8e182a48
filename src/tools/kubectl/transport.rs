//! Why no answer came, in the words of Go's net/http and crypto/tls, which kubectl passes on.

use std::error::Error;
use std::io;

use http::Uri;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{self, AlertDescription, CertificateError, InvalidMessage};

use super::error::Failure;
use super::options::duration::quote;
use crate::target::{KubeClient, TargetError};

/// The failure of a request whose limit has passed.
pub fn timed_out() -> Failure {
    unable("net/http: request canceled (Client.Timeout exceeded while awaiting headers)")
}

/// What went wrong on the way.
#[derive(Debug)]
pub struct Broken {
    /// In kubectl's words.
    pub failure: Failure,
    /// Whether the connection was cut by a server that had taken the request: reading again may help.
    pub cut: bool,
}

impl Broken {
    /// Reads an error of the client that was to reach `server`.
    pub fn of(error: &kube::Error, server: &str) -> Self {
        let failed = |failure: Failure| Self { failure, cut: false };
        let mut last = error.to_string();
        let mut at: Option<&(dyn Error + 'static)> = Some(error);
        while let Some(cause) = at {
            if let Some(refused @ TargetError::Refused { .. }) = cause.downcast_ref::<TargetError>() {
                return failed(Failure::message(refused.to_string()));
            }
            if let Some(why) = cause.downcast_ref::<hyper::Error>() {
                if why.is_incomplete_message() {
                    return Self { failure: unable("EOF"), cut: true };
                }
                if why.is_parse() {
                    return failed(unable("net/http: HTTP/1.x transport connection broken: malformed HTTP response"));
                }
            }
            if let Some(io) = cause.downcast_ref::<io::Error>()
                && let Some(found) = of_io(io, server)
            {
                return found;
            }
            if let Some(tls) = cause.downcast_ref::<rustls::Error>() {
                return failed(unable(&of_tls(tls, server)));
            }
            last = cause.to_string();
            at = cause.source();
        }
        if matches!(error, kube::Error::SerdeError(_) | kube::Error::FromUtf8(_)) {
            return failed(Failure::message(format!("unable to decode the answer: {}", quote(&last))));
        }
        failed(unable(&last))
    }
}

fn unable(why: &str) -> Failure {
    Failure::Away { line: format!("Unable to connect to the server: {why}"), cause: why.to_owned() }
}

/// The server's host and port as they stand in its URL.
fn authority(server: &str) -> String {
    let uri = server.parse::<Uri>().ok();
    uri.and_then(|uri| Some(uri.authority()?.to_string())).unwrap_or_else(|| server.to_owned())
}

/// The server's host, and its address with a port.
fn address(server: &str) -> (String, String) {
    let Ok(uri) = server.parse::<Uri>() else { return (server.to_owned(), server.to_owned()) };
    let host = uri.host().unwrap_or_default();
    let port = uri.port_u16().unwrap_or(if uri.scheme_str() == Some("https") { 443 } else { 80 });
    (host.trim_matches(['[', ']']).to_owned(), format!("{host}:{port}"))
}

fn of_io(error: &io::Error, server: &str) -> Option<Broken> {
    let failed = |failure: Failure| Some(Broken { failure, cut: false });
    if let Some(tls) = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
        return failed(unable(&of_tls(tls, server)));
    }
    // The connector wraps an error of the stream in one more of its own.
    if let Some(inner) = error.get_ref().and_then(|inner| inner.downcast_ref::<io::Error>()) {
        return of_io(inner, server);
    }
    let (host, address) = address(server);
    let text = error.to_string();
    if text.contains("failed to lookup address information") {
        let asked = KubeClient::nameserver().map_or_else(String::new, |server| format!(" on {server}:53"));
        let why = if text.contains("Temporary failure") { "server misbehaving" } else { "no such host" };
        return failed(unable(&format!("dial tcp: lookup {host}{asked}: {why}")));
    }
    let dial = |why: &str| failed(unable(&format!("dial tcp {address}: {why}")));
    match error.kind() {
        io::ErrorKind::ConnectionRefused => failed(Failure::Away {
            line: format!(
                "The connection to the server {} was refused - did you specify the right host or port?",
                authority(server)
            ),
            cause: format!("dial tcp {address}: connect: connection refused"),
        }),
        io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionAborted | io::ErrorKind::BrokenPipe => {
            let failure = unable(&format!("read tcp {address}: read: connection reset by peer"));
            Some(Broken { failure, cut: true })
        }
        io::ErrorKind::UnexpectedEof => Some(Broken { failure: unable("EOF"), cut: true }),
        io::ErrorKind::TimedOut => dial("i/o timeout"),
        io::ErrorKind::HostUnreachable => dial("connect: no route to host"),
        io::ErrorKind::NetworkUnreachable => dial("connect: network is unreachable"),
        _ => None,
    }
}

fn of_tls(error: &rustls::Error, server: &str) -> String {
    let verify = |why: String| format!("tls: failed to verify certificate: x509: {why}");
    let (host, _) = address(server);
    let moment = |time: &rustls::pki_types::UnixTime| {
        let seconds = i64::try_from(time.as_secs()).unwrap_or(i64::MAX);
        jiff::Timestamp::from_second(seconds).map_or_else(|_| seconds.to_string(), |time| time.to_string())
    };
    match error {
        rustls::Error::InvalidCertificate(wrong) => verify(match wrong {
            CertificateError::UnknownIssuer
            | CertificateError::BadSignature
            | CertificateError::UnsupportedSignatureAlgorithmContext { .. } => {
                "certificate signed by unknown authority".to_owned()
            }
            CertificateError::NotValidForNameContext { expected, presented } => not_for(expected, presented),
            CertificateError::NotValidForName => format!("certificate is not valid for {host}"),
            CertificateError::ExpiredContext { time, not_after } => format!(
                "certificate has expired or is not yet valid: current time {} is after {}",
                moment(time),
                moment(not_after)
            ),
            CertificateError::NotValidYetContext { time, not_before } => format!(
                "certificate has expired or is not yet valid: current time {} is before {}",
                moment(time),
                moment(not_before)
            ),
            CertificateError::Expired | CertificateError::NotValidYet => {
                "certificate has expired or is not yet valid".to_owned()
            }
            other => other.to_string(),
        }),
        // What came is no TLS: a server that speaks plain HTTP.
        rustls::Error::InvalidMessage(InvalidMessage::InvalidContentType) => {
            "http: server gave HTTP response to HTTPS client".to_owned()
        }
        rustls::Error::AlertReceived(alert) => format!("remote error: tls: {}", alert_words(*alert)),
        other => format!("tls: {other}"),
    }
}

/// The certificate is somebody else's. `presented` are its names as rustls tells them: `DnsName("a")`, `IpAddress(…)`.
fn not_for(expected: &ServerName<'_>, presented: &[String]) -> String {
    let names: Vec<&str> = presented
        .iter()
        .filter_map(|name| name.split_once('(').map(|(_, rest)| rest.trim_end_matches(')').trim_matches('"')))
        .collect();
    let host = expected.to_str();
    let is_address = |name: &&str| name.parse::<std::net::IpAddr>().is_ok();
    let same_kind: Vec<&str> = match expected {
        ServerName::IpAddress(_) => names.iter().copied().filter(|name| is_address(name)).collect(),
        _ => names.iter().copied().filter(|name| !is_address(name)).collect(),
    };
    match expected {
        ServerName::IpAddress(_) if same_kind.is_empty() => {
            format!("cannot validate certificate for {host} because it doesn't contain any IP SANs")
        }
        _ if same_kind.is_empty() => format!("certificate is not valid for any names, but wanted to match {host}"),
        _ => format!("certificate is valid for {}, not {host}", same_kind.join(", ")),
    }
}

/// An alert's name in Go's crypto/tls.
fn alert_words(alert: AlertDescription) -> String {
    match alert {
        AlertDescription::BadCertificate => "bad certificate".to_owned(),
        AlertDescription::CertificateRequired => "certificate required".to_owned(),
        AlertDescription::CertificateExpired => "expired certificate".to_owned(),
        AlertDescription::CertificateUnknown => "unknown certificate".to_owned(),
        AlertDescription::UnknownCA => "unknown certificate authority".to_owned(),
        AlertDescription::HandshakeFailure => "handshake failure".to_owned(),
        AlertDescription::ProtocolVersion => "protocol version not supported".to_owned(),
        AlertDescription::InternalError => "internal error".to_owned(),
        AlertDescription::AccessDenied => "access denied".to_owned(),
        AlertDescription::UnrecognisedName => "unrecognized name".to_owned(),
        AlertDescription::DecryptError => "error decrypting message".to_owned(),
        AlertDescription::DecodeError => "error decoding message".to_owned(),
        AlertDescription::UnexpectedMessage => "unexpected message".to_owned(),
        AlertDescription::BadRecordMac => "bad record MAC".to_owned(),
        AlertDescription::IllegalParameter => "illegal parameter".to_owned(),
        AlertDescription::UnsupportedCertificate => "unsupported certificate".to_owned(),
        AlertDescription::CertificateRevoked => "revoked certificate".to_owned(),
        AlertDescription::InsufficientSecurity => "insufficient security level".to_owned(),
        AlertDescription::NoApplicationProtocol => "no application protocol".to_owned(),
        other => format!("{other:?}"),
    }
}
