//! The SDK's way to servers, made when a call first goes there: reading the machine's certificates takes longer than a whole
//! call to an address of this machine, and commands that call no AWS service need none.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use aws_smithy_http_client::{Connector, ConnectorBuilder};
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use hyper_util::client::proxy::matcher::Matcher;

/// What connections are shared by: whether they are encrypted, and their time limits.
type Way = (bool, Option<Duration>, Option<Duration>);

/// The SDK's default client in all but one thing: it reads no certificates until a request needs them.
#[derive(Debug, Clone)]
pub(super) struct OnDemand {
    connectors: Arc<Mutex<HashMap<Way, SharedHttpConnector>>>,
    /// The environment's proxies, as the SDK reads them.
    proxies: Arc<Matcher>,
}

impl OnDemand {
    /// A client without connections.
    pub fn new() -> Self {
        Self { connectors: Arc::default(), proxies: Arc::new(Matcher::from_env()) }
    }
}

/// Whether a request may need TLS: by its address, or on its way through a proxy, which may be reached by TLS itself.
fn may_need_tls(uri: &str, proxies: &Matcher) -> bool {
    !uri.starts_with("http://") || uri.parse().map_or(true, |uri| proxies.intercept(&uri).is_some())
}

impl HttpClient for OnDemand {
    fn http_connector(&self, settings: &HttpConnectorSettings, components: &RuntimeComponents) -> SharedHttpConnector {
        let mut builder = Connector::builder().connector_settings(settings.clone());
        builder.set_sleep_impl(components.sleep_impl());
        SharedHttpConnector::new(Deferred { client: self.clone(), settings: settings.clone(), builder })
    }
}

/// A connector that is chosen by the request.
#[derive(Debug)]
struct Deferred {
    client: OnDemand,
    settings: HttpConnectorSettings,
    builder: ConnectorBuilder,
}

impl HttpConnector for Deferred {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let encrypted = may_need_tls(request.uri(), &self.client.proxies);
        let way = (encrypted, self.settings.connect_timeout(), self.settings.read_timeout());
        let mut connectors = self.client.connectors.lock().unwrap_or_else(PoisonError::into_inner);
        let connector = connectors.entry(way).or_insert_with(|| {
            let builder = self.builder.clone().proxy_config(ProxyConfig::from_env());
            SharedHttpConnector::new(match encrypted {
                true => builder.tls_provider(Provider::Rustls(CryptoMode::AwsLc)).build(),
                false => builder.build_http(),
            })
        });
        connector.call(request)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_goes_by_tls_or_a_proxy_reads_certificates() {
        let none = Matcher::builder().build();
        let some = Matcher::builder().http("https://proxy.example:3128").no("127.0.0.1").build();
        for (uri, proxies, expected) in [
            ("http://127.0.0.1:8080/clusters", &none, false),
            ("https://eks.us-west-2.amazonaws.com/clusters", &none, true),
            ("http://127.0.0.1:8080/clusters", &some, false),
            ("http://eks.example/clusters", &some, true),
            ("http://not an address", &none, true),
        ] {
            assert_eq!(may_need_tls(uri, proxies), expected, "{uri}");
        }
    }
}
