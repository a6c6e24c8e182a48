//! The ways to a live cluster: proxies, certificates, names. `lectern sh` on a live target must get there, or say why not, as the
//! real kubectl does with the same configuration and environment.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use lectern::clock::{Clock, session_runtime};
use lectern::sandbox::cluster::api::Server;
use needs::needs;
use rcgen::{BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig};

use crate::harness::{Cluster, Ran};

/// A line that needs little.
const LINE: &[&str] = &["get", "namespace", "carts", "-o", "name"];
const FOUND: &str = "namespace/carts\n";

/// An authority that signs certificates.
struct Authority {
    issuer: Issuer<'static, KeyPair>,
    certificate: CertificateDer<'static>,
    pem: String,
}

impl Authority {
    fn new(name: &str) -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let certificate = params.self_signed(&key).unwrap();
        Self {
            certificate: certificate.der().clone(),
            pem: pem("CERTIFICATE", certificate.der()),
            issuer: Issuer::new(params, key),
        }
    }

    /// A certificate for these names, and its key, both as DER and as PEM.
    fn sign(&self, names: &[&str], usage: ExtendedKeyUsagePurpose) -> (CertificateDer<'static>, KeyPair, String) {
        let key = KeyPair::generate().unwrap();
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names).unwrap();
        params.extended_key_usages = vec![usage];
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        (certificate.der().clone(), key, pem("CERTIFICATE", certificate.der()))
    }

    /// TLS with a certificate for these names; `asks`: whether clients must have one of this authority's.
    fn tls(&self, names: &[&str], asks: bool) -> TlsAcceptor {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let builder =
            ServerConfig::builder_with_provider(provider.clone()).with_safe_default_protocol_versions().unwrap();
        let builder = if asks {
            let mut roots = RootCertStore::empty();
            roots.add(self.certificate.clone()).unwrap();
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build().unwrap();
            builder.with_client_cert_verifier(verifier)
        } else {
            builder.with_no_client_auth()
        };
        let (certificate, key, _) = self.sign(names, ExtendedKeyUsagePurpose::ServerAuth);
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let mut config = builder.with_single_cert(vec![certificate], key).unwrap();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        TlsAcceptor::from(Arc::new(config))
    }
}

/// Lets the API server be reached, through TLS if there is any; answers the port.
async fn serve(server: &Server, tls: Option<TlsAcceptor>) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = server.clone();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (server, tls) = (server.clone(), tls.clone());
            tokio::spawn(async move {
                match tls {
                    None => drop(server.serve_connection(stream).await),
                    Some(tls) => {
                        if let Ok(stream) = tls.accept(stream).await {
                            drop(server.serve_connection(stream).await);
                        }
                    }
                }
            });
        }
    });
    port
}

/// What a proxy speaks.
#[derive(Clone, Copy)]
enum Speaks {
    Http,
    Socks,
}

/// A proxy that takes every connection to one port, whatever it was asked for, and counts them.
struct Proxy {
    port: u16,
    passed: Arc<AtomicUsize>,
}

impl Proxy {
    async fn start(speaks: Speaks, to: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let proxy = Self { port: listener.local_addr().unwrap().port(), passed: Arc::default() };
        let passed = proxy.passed.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let passed = passed.clone();
                tokio::spawn(async move { pass(stream, speaks, to, &passed).await });
            }
        });
        proxy
    }

    /// How often it was used since it was asked last.
    fn used(&self) -> usize {
        self.passed.swap(0, Ordering::SeqCst)
    }
}

async fn pass(mut near: TcpStream, speaks: Speaks, to: u16, passed: &AtomicUsize) -> std::io::Result<()> {
    let mut asked = vec![0; 4096];
    let mut read = near.read(&mut asked).await?;
    let mut far = TcpStream::connect(("127.0.0.1", to)).await?;
    match speaks {
        Speaks::Http if asked.starts_with(b"CONNECT ") => near.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await?,
        // The server takes a request with a whole address as well.
        Speaks::Http => far.write_all(&asked[..read]).await?,
        Speaks::Socks => {
            near.write_all(&[5, 0]).await?;
            read = near.read(&mut asked).await?;
            assert_eq!(asked[..2], [5, 1], "{:?}", &asked[..read]);
            near.write_all(&[5, 0, 0, 1, 0, 0, 0, 0, 0, 0]).await?;
        }
    }
    passed.fetch_add(1, Ordering::SeqCst);
    tokio::io::copy_bidirectional(&mut near, &mut far).await.map(drop)
}

/// Both programs before one configuration.
struct Both {
    home: tempfile::TempDir,
    real: PathBuf,
}

impl Both {
    fn new() -> Self {
        Self { home: tempfile::tempdir().unwrap(), real: oracles::path("kubectl") }
    }

    /// Runs [`LINE`] in both; they must say the same.
    async fn get(&self, cluster: Value, user: Value, env: &[(&str, String)]) -> Ran {
        let config = json!({"apiVersion": "v1", "kind": "Config", "current-context": "c",
            "clusters": [{"name": "c", "cluster": cluster}], "users": [{"name": "u", "user": user}],
            "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}]});
        std::fs::create_dir_all(self.home.path().join(".kube")).unwrap();
        std::fs::write(self.home.path().join(".kube/config"), config.to_string()).unwrap();
        let env: BTreeMap<String, String> = env.iter().map(|(name, value)| ((*name).into(), value.clone())).collect();
        let line = format!("kubectl {}", LINE.join(" "));
        let lectern = Path::new(env!("CARGO_BIN_EXE_lectern"));
        let own = self.run(lectern, &["sh", "--target", "live", "-c", &line], &env).await;
        let real = self.run(&self.real, LINE, &env).await;
        // Which of its attempts failed how is told in a log; what came of them counts here.
        let last = |ran: &Ran| ran.stderr.lines().filter(|line| !line.starts_with('E')).collect::<Vec<_>>().join("\n");
        assert_eq!((own.status, &own.stdout, last(&own)), (real.status, &real.stdout, last(&real)), "{config:#}");
        own
    }

    #[allow(clippy::disallowed_methods, reason = "two programs are compared as their users start them")]
    async fn run(&self, program: &Path, words: &[&str], env: &BTreeMap<String, String>) -> Ran {
        let mut command = Command::new(program);
        command.args(words).env_clear().env("HOME", self.home.path()).env("PATH", "/usr/bin:/bin").envs(env);
        // The account is of no concern here: who it is would be asked of the machine, by the proxy.
        command.env("AWS_EC2_METADATA_DISABLED", "true");
        command.current_dir(self.home.path()).stdin(std::process::Stdio::null());
        let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        Ran {
            status: output.status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(255),
            stdout: text(output.stdout),
            stderr: text(output.stderr),
        }
    }
}

fn with_server(test: impl AsyncFnOnce(Server, Both)) {
    let clock = Clock::real();
    let runtime = session_runtime(&clock).unwrap();
    runtime.block_on(async {
        let cluster = Cluster::start(&clock).await;
        let server = cluster.target.as_sandbox().unwrap().cluster().server().clone();
        test(server, Both::new()).await;
    });
}

/// A user whom the sandbox's server takes as well as any; without one kubectl asks for a name.
fn nobody() -> Value {
    json!({"token": "t"})
}

fn in_base64(bytes: impl AsRef<[u8]>) -> String {
    use base64::Engine as _;
    base64::prelude::BASE64_STANDARD.encode(bytes)
}

fn pem(what: &str, der: &[u8]) -> String {
    let text = in_base64(der);
    let lines: Vec<&str> = (0..text.len()).step_by(64).map(|at| &text[at..text.len().min(at + 64)]).collect();
    format!("-----BEGIN {what}-----\n{}\n-----END {what}-----\n", lines.join("\n"))
}

#[needs("kubectl")]
#[test]
fn certificates_are_looked_at_as_kubectl_does() {
    with_server(async |server, both| {
        let (authority, other) = (Authority::new("one"), Authority::new("other"));
        let (ca, foreign) = (in_base64(&authority.pem), in_base64(&other.pem));
        let here = serve(&server, Some(authority.tls(&["127.0.0.1", "localhost"], false))).await;
        let elsewhere = serve(&server, Some(authority.tls(&["cluster.example"], false))).await;
        let url = |port: u16| format!("https://127.0.0.1:{port}");

        let ran = both.get(json!({"server": url(here), "certificate-authority-data": ca}), nobody(), &[]).await;
        assert_eq!(ran.stdout, FOUND, "{ran:?}");
        let file = both.home.path().join("ca.crt");
        std::fs::write(&file, &authority.pem).unwrap();
        let ran = both.get(json!({"server": url(here), "certificate-authority": file}), nobody(), &[]).await;
        assert_eq!(ran.stdout, FOUND, "{ran:?}");
        for cluster in
            [json!({"server": url(here)}), json!({"server": url(here), "certificate-authority-data": foreign})]
        {
            let ran = both.get(cluster, nobody(), &[]).await;
            assert!(ran.stderr.contains("certificate signed by unknown authority"), "{ran:?}");
        }
        let ran = both.get(json!({"server": url(here), "insecure-skip-tls-verify": true}), nobody(), &[]).await;
        assert_eq!(ran.stdout, FOUND, "{ran:?}");

        let named = json!({"server": url(elsewhere), "certificate-authority-data": ca});
        let ran = both.get(named.clone(), nobody(), &[]).await;
        assert!(ran.stderr.contains("x509: cannot validate certificate for 127.0.0.1"), "{ran:?}");
        for (name, found) in [("cluster.example", true), ("other.example", false)] {
            let mut cluster = named.clone();
            cluster["tls-server-name"] = json!(name);
            let ran = both.get(cluster, nobody(), &[]).await;
            assert_eq!(ran.stdout == FOUND, found, "{ran:?}");
        }
    });
}

#[needs("kubectl")]
#[test]
fn a_client_shows_its_certificate() {
    with_server(async |server, both| {
        // A client shows only what an authority of a name that the server asks for has signed.
        let (authority, other) = (Authority::new("one"), Authority::new("one"));
        let port = serve(&server, Some(authority.tls(&["127.0.0.1"], true))).await;
        let ca = in_base64(&authority.pem);
        let cluster = json!({"server": format!("https://127.0.0.1:{port}"), "certificate-authority-data": ca});
        let user = |authority: &Authority| {
            let (_, key, certificate) = authority.sign(&["me"], ExtendedKeyUsagePurpose::ClientAuth);
            json!({"client-certificate-data": in_base64(&certificate), "client-key-data": in_base64(pem("PRIVATE KEY", &key.serialize_der()))})
        };
        let ran = both.get(cluster.clone(), user(&authority), &[]).await;
        assert_eq!(ran.stdout, FOUND, "{ran:?}");
        let ran = both.get(cluster.clone(), nobody(), &[]).await;
        assert!(ran.stderr.contains("tls: certificate required"), "{ran:?}");
        let ran = both.get(cluster, user(&other), &[]).await;
        assert_eq!((ran.status, ran.stdout.as_str()), (1, ""), "{ran:?}");
    });
}

#[needs("kubectl")]
#[test]
fn a_proxy_is_used_where_one_is_named() {
    with_server(async |server, both| {
        let authority = Authority::new("one");
        let plain = serve(&server, None).await;
        let secure = serve(&server, Some(authority.tls(&["cluster.example"], false))).await;
        let ca = in_base64(&authority.pem);
        let open = json!({"server": "http://cluster.example:8080"});
        let closed = json!({"server": "https://cluster.example:6443", "certificate-authority-data": ca});
        for (cluster, to) in [(open, plain), (closed, secure)] {
            for speaks in [Speaks::Http, Speaks::Socks] {
                let proxy = Proxy::start(speaks, to).await;
                let scheme = if matches!(speaks, Speaks::Http) { "http" } else { "socks5" };
                let url = format!("{scheme}://127.0.0.1:{}", proxy.port);
                let mut own = cluster.clone();
                own["proxy-url"] = json!(url);
                let ran = both.get(own.clone(), nobody(), &[]).await;
                assert_eq!(ran.stdout, FOUND, "{own} {ran:?}");
                assert!(proxy.used() > 0, "{own}");
                for name in ["HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"] {
                    let meant = name.to_lowercase().starts_with("https") == (to == secure);
                    if meant {
                        let ran = both.get(cluster.clone(), nobody(), &[(name, url.clone())]).await;
                        assert_eq!(ran.stdout, FOUND, "{name} {ran:?}");
                        assert!(proxy.used() > 0, "{name}");
                    }
                }
            }
        }
        // Nothing on this machine is asked for by a proxy of the environment, and nothing that it leaves out.
        let proxy = Proxy::start(Speaks::Http, plain).await;
        let env = [("HTTP_PROXY", format!("http://127.0.0.1:{}", proxy.port)), ("NO_PROXY", "none.example".to_owned())];
        let ran = both.get(json!({"server": format!("http://127.0.0.1:{plain}")}), nobody(), &env).await;
        assert_eq!((ran.stdout.as_str(), proxy.used()), (FOUND, 0), "{ran:?}");
        // A proxy that is away.
        let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
        let cluster = json!({"server": "http://cluster.example:8080", "proxy-url": format!("http://{closed}")});
        let ran = both.get(cluster, nobody(), &[]).await;
        assert_eq!((ran.status, ran.stdout.as_str()), (1, ""), "{ran:?}");
    });
}
