//! What a served sandbox is known by: its certificate authority and certificate, the token of its administrator, the
//! access key of its account. Made once for a folder, so that clients of a sandbox that was started again stay clients.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;

use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    SanType,
};
use serde::{Deserialize, Serialize};
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio_rustls::rustls::{self, ServerConfig};

use super::{ServeError, state};

/// The letters of AWS's access key ids.
const KEY_LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// Who a served sandbox is, and what its clients must show.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Identity {
    /// The bearer token of the cluster's administrator.
    pub token: String,
    /// The access key id of the account.
    pub access_key: String,
    /// The secret that belongs to it.
    pub secret_key: String,
    /// The certificate authority's certificate: DER in base64.
    authority: String,
    /// The server's certificate, which the authority signed: DER in base64.
    certificate: String,
    /// The server's private key: PKCS #8 in base64.
    key: String,
}

impl std::fmt::Debug for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Identity").field("access_key", &self.access_key).finish_non_exhaustive()
    }
}

impl Identity {
    /// The identity kept in a folder; a new one, kept there from now on, when there is none.
    ///
    /// # Errors
    /// When the file cannot be read or written, or is not one.
    pub fn of(folder: &Path) -> Result<Self, ServeError> {
        let path = folder.join("identity.json");
        match std::fs::read(&path) {
            Ok(bytes) => serde_json::from_slice(&bytes).map_err(|error| ServeError::Content {
                path,
                message: format!("not an identity of a sandbox: {error}"),
            }),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let made = Self::make()?;
                let written = serde_json::to_vec(&made).map_err(|error| ServeError::Certificate(error.to_string()))?;
                state::write_private(&path, &written)?;
                Ok(made)
            }
            Err(error) => Err(ServeError::file(&path)(error)),
        }
    }

    fn make() -> Result<Self, ServeError> {
        let wrong = |error: rcgen::Error| ServeError::Certificate(error.to_string());
        let authority_key = KeyPair::generate().map_err(wrong)?;
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, "kubernetes");
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
        let authority = params.self_signed(&authority_key).map_err(wrong)?;
        // The authority's key is not kept: nothing else is ever signed with it.
        let issuer = Issuer::new(params, authority_key);

        let key = KeyPair::generate().map_err(wrong)?;
        let names = ["localhost".to_owned(), "kubernetes".to_owned(), "kubernetes.default.svc".to_owned()];
        let mut params = CertificateParams::new(names).map_err(wrong)?;
        params.distinguished_name.push(DnType::CommonName, "kube-apiserver");
        params.subject_alt_names.push(SanType::IpAddress(IpAddr::V4(Ipv4Addr::LOCALHOST)));
        params.subject_alt_names.push(SanType::IpAddress(IpAddr::V6(Ipv6Addr::LOCALHOST)));
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::KeyEncipherment];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let certificate = params.signed_by(&key, &issuer).map_err(wrong)?;
        Ok(Self {
            token: BASE64_URL_SAFE_NO_PAD.encode(random::<32>()?),
            access_key: format!(
                "AKIA{}",
                random::<16>()?.map(|byte| char::from(KEY_LETTERS[usize::from(byte) % 32])).iter().collect::<String>()
            ),
            secret_key: BASE64_STANDARD.encode(random::<30>()?),
            authority: BASE64_STANDARD.encode(authority.der()),
            certificate: BASE64_STANDARD.encode(certificate.der()),
            key: BASE64_STANDARD.encode(key.serialize_der()),
        })
    }

    /// An identity with a key that is known ahead.
    #[cfg(test)]
    pub(super) fn with_key(access_key: &str, secret_key: &str) -> Result<Self, ServeError> {
        Ok(Self { access_key: access_key.into(), secret_key: secret_key.into(), ..Self::make()? })
    }

    /// The authority's certificate as kubeconfigs and EKS hold it: PEM in base64.
    pub(super) fn authority(&self) -> String {
        BASE64_STANDARD.encode(pem("CERTIFICATE", &self.authority))
    }

    /// TLS as the API server speaks it.
    ///
    /// # Errors
    /// When the kept certificate or key is damaged.
    pub(super) fn tls(&self) -> Result<Arc<ServerConfig>, ServeError> {
        let wrong = |error: rustls::Error| ServeError::Certificate(error.to_string());
        let decode =
            |text: &str| BASE64_STANDARD.decode(text).map_err(|error| ServeError::Certificate(error.to_string()));
        let certificate = CertificateDer::from(decode(&self.certificate)?);
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(decode(&self.key)?));
        let mut config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(wrong)?
            .with_no_client_auth()
            .with_single_cert(vec![certificate], key)
            .map_err(wrong)?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Arc::new(config))
    }

    /// A kubeconfig for the cluster at `address`.
    pub(super) fn kubeconfig(&self, name: &str, address: SocketAddr) -> String {
        let authority = self.authority();
        let config = serde_json::json!({
            "apiVersion": "v1", "kind": "Config", "preferences": {}, "current-context": name,
            "clusters": [{"name": name, "cluster": {"server": format!("https://{address}"), "certificate-authority-data": authority}}],
            "contexts": [{"name": name, "context": {"cluster": name, "user": "admin"}}],
            "users": [{"name": "admin", "user": {"token": self.token}}],
        });
        // JSON is YAML.
        format!("{config:#}\n")
    }
}

/// Bytes that nobody can guess.
fn random<const N: usize>() -> Result<[u8; N], ServeError> {
    let mut bytes = [0; N];
    let source = aws_lc_rs::default_provider().secure_random;
    source.fill(&mut bytes).map_err(|_| ServeError::Certificate("the system gives no random numbers".into()))?;
    Ok(bytes)
}

/// The text form of RFC 7468.
fn pem(label: &str, base64: &str) -> String {
    let mut text = format!("-----BEGIN {label}-----\n");
    for line in base64.as_bytes().chunks(64) {
        text.push_str(&String::from_utf8_lossy(line));
        text.push('\n');
    }
    text + &format!("-----END {label}-----\n")
}

/// Whether two secrets are the same, in a time that does not tell where they differ.
pub(super) fn same(left: &[u8], right: &[u8]) -> bool {
    left.len() == right.len() && left.iter().zip(right).fold(0, |differences, (a, b)| differences | (a ^ b)) == 0
}
