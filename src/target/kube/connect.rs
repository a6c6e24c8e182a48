//! From a choice to a client: address, proxy, certificates, headers.

use http::Uri;
use hyper_util::client::proxy::matcher::Matcher;
use kube::client::ClientBuilder;
use kube::config::Config;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::PemObject;

use super::KubeOptions;
use super::choice::Chosen;
use super::kubeconfig::reason;
use super::recorder::Recorder;
use crate::target::TargetError;

fn wrong(words: impl std::fmt::Display) -> TargetError {
    TargetError::Kubeconfig(format!("error: {words}"))
}

/// A client that talks to the chosen cluster. No plugin is left in `chosen`: kube would start it by itself.
///
/// # Errors
/// When the address, a proxy's or a certificate makes no sense.
pub fn client(chosen: &Chosen, proxy: Option<Uri>, recorder: &Recorder) -> Result<kube::Client, TargetError> {
    let server = chosen.server.parse::<Uri>().map_err(|error| wrong(format!("{}: {error}", chosen.server)))?;
    if server.host().is_none_or(str::is_empty) {
        return Err(wrong(format!("host must be a URL or a host:port pair: \"{}\"", chosen.server)));
    }
    let mut config = Config::new(server);
    // Calls are sent again by the rules of client-go, above.
    config.default_retry = false;
    config.default_namespace.clone_from(&chosen.namespace);
    config.accept_invalid_certs = chosen.cluster.insecure_skip_tls_verify == Some(true);
    config.tls_server_name = chosen.cluster.tls_server_name.clone().filter(|name| !name.is_empty());
    config.root_cert = authorities(chosen)?;
    config.proxy_url = proxy;
    config.auth_info = chosen.user.clone();
    config.auth_info.exec = None;
    config.auth_info.auth_provider = None;
    let builder = ClientBuilder::try_from(config).map_err(|error| {
        let mut cause: &dyn std::error::Error = &error;
        while let Some(next) = cause.source() {
            cause = next;
        }
        wrong(format!("{error}: {cause}"))
    })?;
    Ok(builder.with_layer(recorder).build())
}

/// The certificates that the configuration trusts, if it names any.
fn authorities(chosen: &Chosen) -> Result<Option<Vec<Vec<u8>>>, TargetError> {
    use base64::Engine;
    let cluster = &chosen.cluster;
    let set = |value: &Option<String>| value.clone().filter(|value| !value.is_empty());
    let pem = match (set(&cluster.certificate_authority_data), set(&cluster.certificate_authority)) {
        (None, None) => return Ok(None),
        (Some(data), _) => base64::prelude::BASE64_STANDARD
            .decode(data)
            .map_err(|error| wrong(format!("certificate-authority-data: {error}")))?,
        (None, Some(file)) => {
            std::fs::read(&file).map_err(|error| wrong(format!("open {file}: {}", reason(&error))))?
        }
    };
    let certificates: Result<Vec<_>, _> =
        CertificateDer::pem_slice_iter(&pem).map(|one| one.map(|one| one.to_vec())).collect();
    match certificates {
        Ok(certificates) if !certificates.is_empty() => Ok(Some(certificates)),
        _ => Err(wrong("unable to load root certificates: unable to parse bytes as PEM block")),
    }
}

/// The proxy on the way to a cluster: the configuration's own, else the environment's by the rules of Go's net/http, by
/// which nothing on this machine is asked for by a proxy.
///
/// # Errors
/// When the configuration's own makes no sense.
pub fn proxy(chosen: &Chosen, options: &KubeOptions) -> Result<Option<Uri>, TargetError> {
    if let Some(own) = chosen.cluster.proxy_url.as_ref().filter(|url| !url.is_empty()) {
        return own.parse().map(Some).map_err(|error| wrong(format!("proxy-url {own}: {error}")));
    }
    let either = |upper: &str| options.variable(upper).or_else(|| options.variable(&upper.to_lowercase()));
    let text = |name: &str| either(name).unwrap_or_default().to_owned();
    let Ok(server) = chosen.server.parse::<Uri>() else { return Ok(None) };
    let host = server.host().unwrap_or_default().trim_matches(['[', ']']);
    if host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback()) {
        return Ok(None);
    }
    let rules = Matcher::builder().https(text("HTTPS_PROXY")).http(text("HTTP_PROXY")).no(text("NO_PROXY")).build();
    let Some(found) = rules.intercept(&server) else { return Ok(None) };
    // The rules take the name and password out of the address; the connector wants them back in.
    let given = if server.scheme_str() == Some("https") { text("HTTPS_PROXY") } else { text("HTTP_PROXY") };
    let login =
        given.split_once("://").map_or(given.as_str(), |(_, rest)| rest).rsplit_once('@').map(|(login, _)| login);
    let uri = found.uri();
    let authority = uri.authority().map(ToString::to_string).unwrap_or_default();
    let authority = login.map_or(authority.clone(), |login| format!("{login}@{authority}"));
    let scheme = match uri.scheme_str() {
        Some("socks5h") => "socks5",
        Some(scheme) => scheme,
        None => "http",
    };
    Uri::builder()
        .scheme(scheme)
        .authority(authority)
        .path_and_query("/")
        .build()
        .map(Some)
        .map_err(|error| wrong(format!("proxy {given}: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn through(server: &str, own: Option<&str>, variables: &[(&str, &str)]) -> Option<String> {
        let environment = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let options = KubeOptions { environment, ..KubeOptions::default() };
        let config = serde_json::json!({"current-context": "c", "contexts": [{"name": "c", "context": {"cluster": "k"}}],
            "clusters": [{"name": "k", "cluster": {"server": server, "proxy-url": own}}]});
        let chosen = Chosen::of(&serde_json::from_value(config).unwrap(), &options).unwrap();
        proxy(&chosen, &options).unwrap().map(|uri| uri.to_string())
    }

    #[test]
    fn proxies_are_go_s() {
        let environment = [
            ("HTTPS_PROXY", "http://a:b%40@p:3128"),
            ("http_proxy", "q:80"),
            ("NO_PROXY", "internal.example,10.0.0.0/8"),
        ];
        for (server, own, expected) in [
            ("https://k.example", None, Some("http://a:b%40@p:3128/")),
            ("http://k.example", None, Some("http://q:80/")),
            ("https://k.internal.example:6443", None, None),
            ("https://10.1.2.3", None, None),
            ("https://localhost:6443", None, None),
            ("https://127.0.0.1:6443", None, None),
            ("https://[::1]:6443", None, None),
            ("https://127.0.0.1:6443", Some("socks5://s:1080"), Some("socks5://s:1080/")),
        ] {
            assert_eq!(through(server, own, &environment).as_deref(), expected, "{server}");
        }
        assert_eq!(through("https://k.example", None, &[]), None);
    }
}
