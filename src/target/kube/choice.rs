//! Which cluster a command talks to, and as whom: a configuration and the command's own choices, put together and checked
//! as client-go does it (tools/clientcmd: DirectClientConfig and its validation), with kubectl's words.

use std::fs::File;

use kube::config::{AuthInfo, Cluster, Kubeconfig};
use serde_json::{Value, json};

use super::KubeOptions;
use super::kubeconfig::reason;
use crate::target::TargetError;

/// What kubectl talks to when nothing says where the cluster is.
const DEFAULT_SERVER: &str = "http://localhost:8080";
/// Where a Pod finds its service account.
pub const SERVICE_ACCOUNT: &str = "/var/run/secrets/kubernetes.io/serviceaccount";

/// A cluster and a user.
#[derive(Debug, Clone)]
pub struct Chosen {
    /// The server's URL, always with a scheme.
    pub server: String,
    /// The rest about the cluster.
    pub cluster: Cluster,
    /// What the configuration calls the user.
    pub user_name: String,
    /// Who one is there.
    pub user: AuthInfo,
    /// The namespace that commands without `-n` mean.
    pub namespace: String,
    /// Whether anything says where the cluster is, or this is kubectl's default.
    pub configured: bool,
}

/// A complaint about the configuration, as kubectl prints it.
fn wrong(words: impl Into<String>) -> TargetError {
    TargetError::Kubeconfig(words.into())
}

impl Chosen {
    /// Chooses, and looks whether what is named is there.
    ///
    /// # Errors
    /// When a context, user or cluster is not there or makes no sense; with kubectl's words.
    pub fn of(config: &Kubeconfig, options: &KubeOptions) -> Result<Self, TargetError> {
        let given = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        let context = match given(&options.context).or_else(|| given(&config.current_context)) {
            None => None,
            Some(name) => match config.contexts.iter().find(|named| named.name == name) {
                Some(named) => named.context.clone(),
                None if given(&options.context).is_some() => {
                    return Err(wrong(format!("error: context \"{name}\" does not exist")));
                }
                None => {
                    return Err(wrong(format!(
                        "Error in configuration: context was not found for specified context: {name}"
                    )));
                }
            },
        };
        let user_name = given(&options.user).or_else(|| context.as_ref()?.user.clone()).unwrap_or_default();
        let user = config.auth_infos.iter().find(|named| named.name == user_name);
        if user.is_none() && given(&options.user).is_some() {
            return Err(wrong(format!("error: auth info \"{user_name}\" does not exist")));
        }
        let cluster_name =
            given(&options.cluster).or_else(|| Some(context.as_ref()?.cluster.clone())).unwrap_or_default();
        let cluster = config.clusters.iter().find(|named| named.name == cluster_name);
        if cluster.is_none() && given(&options.cluster).is_some() {
            return Err(wrong(format!("error: no server found for cluster \"{cluster_name}\"")));
        }
        let cluster = cluster.and_then(|named| named.cluster.clone()).unwrap_or_default();
        let mut user = user.and_then(|named| named.auth_info.clone()).unwrap_or_default();
        override_user(&mut user, options)?;
        let cluster = override_cluster(cluster, options);
        let namespace = context.and_then(|context| context.namespace).filter(|namespace| !namespace.is_empty());
        let namespace = namespace.unwrap_or_else(|| "default".to_owned());

        let server = given(&cluster.server).or_else(|| options.variable("KUBERNETES_MASTER").map(str::to_owned));
        if server.is_none()
            && let Some(chosen) = Self::in_cluster(options, SERVICE_ACCOUNT)
        {
            return Ok(chosen);
        }
        let configured = server.is_some();
        let server = server.unwrap_or_else(|| DEFAULT_SERVER.to_owned());
        let secure = cluster.certificate_authority.is_some()
            || cluster.certificate_authority_data.is_some()
            || cluster.insecure_skip_tls_verify == Some(true)
            || user.client_certificate.is_some()
            || user.client_certificate_data.is_some();
        let server = match (server.contains("://"), secure) {
            (true, _) => server,
            (false, true) => format!("https://{server}"),
            (false, false) => format!("http://{server}"),
        };
        let mut chosen = Self { server, cluster, user_name, user, namespace, configured };
        chosen.validate(&cluster_name)?;
        // Nothing secret goes over an open connection.
        if !chosen.server.starts_with("https://") {
            chosen.user = AuthInfo {
                impersonate: chosen.user.impersonate.take(),
                impersonate_groups: chosen.user.impersonate_groups.take(),
                ..AuthInfo::default()
            };
        }
        Ok(chosen)
    }

    /// The API server of the cluster that this process is a Pod of, if it is one.
    fn in_cluster(options: &KubeOptions, folder: &str) -> Option<Self> {
        let host = options.variable("KUBERNETES_SERVICE_HOST")?;
        let port = options.variable("KUBERNETES_SERVICE_PORT")?;
        let token = format!("{folder}/token");
        if !std::fs::metadata(&token).is_ok_and(|token| !token.is_dir()) {
            return None;
        }
        let host = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
        let authority = format!("{folder}/ca.crt");
        let namespace = options.variable("POD_NAMESPACE").map(str::to_owned).or_else(|| {
            let text = std::fs::read_to_string(format!("{folder}/namespace")).ok()?;
            Some(text.trim().to_owned()).filter(|text| !text.is_empty())
        });
        let cluster = Cluster {
            // Without the file the system's authorities are asked.
            certificate_authority: Some(authority).filter(|path| std::fs::metadata(path).is_ok()),
            ..Cluster::default()
        };
        let mut user = AuthInfo { token_file: Some(token), ..AuthInfo::default() };
        override_user(&mut user, options).ok()?;
        Some(Self {
            server: format!("https://{host}:{port}"),
            cluster: override_cluster(cluster, options),
            user_name: String::new(),
            user,
            namespace: namespace.unwrap_or_else(|| "default".to_owned()),
            configured: true,
        })
    }

    /// Looks whether the settings make sense together and their files can be read.
    fn validate(&self, cluster_name: &str) -> Result<(), TargetError> {
        let mut found = Vec::new();
        self.validate_user(&mut found);
        let cluster = &self.cluster;
        if let Some(url) = cluster.proxy_url.as_ref().filter(|url| !url.is_empty())
            && let Err(why) = check_proxy(url)
        {
            found.push(format!("invalid 'proxy-url' \"{url}\" for cluster \"{cluster_name}\": {why}"));
        }
        let file = cluster.certificate_authority.as_ref().filter(|file| !file.is_empty());
        let data = cluster.certificate_authority_data.as_ref().filter(|data| !data.is_empty());
        match (file, data) {
            (Some(_), Some(_)) => found.push(format!(
                "certificate-authority-data and certificate-authority are both specified for {cluster_name}. certificate-authority-data will override."
            )),
            (Some(file), None) => {
                if let Some(why) = unreadable(file) {
                    found.push(format!("unable to read certificate-authority {file} for {cluster_name} due to {why}"));
                }
            }
            _ => {}
        }
        match found.as_slice() {
            [] => {}
            [one] => return Err(wrong(format!("error: {one}"))),
            many => {
                let lines: String = many.iter().map(|one| format!("\n* {one}")).collect();
                return Err(wrong(format!("Error in configuration: {lines}")));
            }
        }
        if cluster.insecure_skip_tls_verify == Some(true)
            && (file.is_some() || data.is_some())
            && self.server.starts_with("https://")
        {
            return Err(wrong("error: specifying a root certificates file with the insecure flag is not allowed"));
        }
        if let Some(file) = self.user.token_file.as_ref().filter(|_| self.user.token.is_none())
            && self.server.starts_with("https://")
            && let Some(why) = unreadable(file)
        {
            return Err(wrong(format!("error: {why}")));
        }
        Ok(())
    }

    fn validate_user(&self, found: &mut Vec<String>) {
        let (user, name) = (&self.user, &self.user_name);
        let mut methods = Vec::new();
        if user.token.is_some() {
            methods.push("token");
        }
        if user.username.as_ref().is_some_and(|text| !text.is_empty()) || user.password.is_some() {
            methods.push("basicAuth");
        }
        let set = |value: &Option<String>| value.clone().filter(|text| !text.is_empty());
        let certificate = set(&user.client_certificate);
        if certificate.is_some() || user.client_certificate_data.is_some() {
            let key = set(&user.client_key);
            if certificate.is_some() && user.client_certificate_data.is_some() {
                found.push(format!(
                    "client-cert-data and client-cert are both specified for {name}. client-cert-data will override."
                ));
            }
            if key.is_some() && user.client_key_data.is_some() {
                found.push(format!(
                    "client-key-data and client-key are both specified for {name}; client-key-data will override"
                ));
            }
            if key.is_none() && user.client_key_data.is_none() {
                found.push(format!(
                    "client-key-data or client-key must be specified for {name} to use the clientCert authentication method."
                ));
            }
            for (what, file) in [("client-cert", &certificate), ("client-key", &key)] {
                if let Some(file) = file
                    && let Some(why) = unreadable(file)
                {
                    found.push(format!("unable to read {what} {file} for {name} due to {why}"));
                }
            }
        }
        if methods.len() > 1 {
            found.push(format!(
                "more than one authentication method found for {name}; found [{}], only one is allowed",
                methods.join(" ")
            ));
        }
    }
}

/// Why a file cannot be opened, in Go's words.
fn unreadable(file: &str) -> Option<String> {
    File::open(file).err().map(|error| format!("open {file}: {}", reason(&error)))
}

/// What is wrong with a proxy's URL.
fn check_proxy(url: &str) -> Result<(), String> {
    let scheme = url.split_once("://").map_or("", |(scheme, _)| scheme);
    if matches!(scheme, "http" | "https" | "socks5") {
        return Ok(());
    }
    Err(format!("unsupported scheme \"{scheme}\", must be http, https, or socks5"))
}

fn override_user(user: &mut AuthInfo, options: &KubeOptions) -> Result<(), TargetError> {
    let overrides = &options.overrides;
    if options.impersonate.is_some() {
        user.impersonate = None;
        user.impersonate_groups = None;
    }
    if let Some(certificate) = &overrides.client_certificate {
        user.client_certificate = Some(certificate.clone());
        user.client_certificate_data = None;
    }
    if let Some(key) = &overrides.client_key {
        user.client_key = Some(key.clone());
        user.client_key_data = None;
    }
    let mut secrets = serde_json::Map::new();
    for (name, value) in
        [("token", &overrides.token), ("username", &overrides.username), ("password", &overrides.password)]
    {
        if let Some(value) = value {
            secrets.insert(name.to_owned(), json!(value));
        }
    }
    if secrets.is_empty() {
        return Ok(());
    }
    // A token or password that is given goes ahead of everything that would have to be asked for one.
    user.exec = None;
    user.auth_provider = None;
    let broken = |error: serde_json::Error| wrong(format!("error: {error}"));
    let mut all = serde_json::to_value(&*user).map_err(broken)?;
    if let Value::Object(all) = &mut all {
        all.extend(secrets);
    }
    *user = serde_json::from_value(all).map_err(broken)?;
    Ok(())
}

fn override_cluster(mut cluster: Cluster, options: &KubeOptions) -> Cluster {
    let overrides = &options.overrides;
    if let Some(server) = &overrides.server {
        cluster.server = Some(server.clone());
    }
    // What is said of certificates replaces all that the file says of them.
    if overrides.insecure_skip_tls_verify || overrides.certificate_authority.is_some() {
        cluster.insecure_skip_tls_verify = Some(overrides.insecure_skip_tls_verify);
        cluster.certificate_authority.clone_from(&overrides.certificate_authority);
        cluster.certificate_authority_data = None;
    }
    if overrides.server.is_some() || overrides.tls_server_name.is_some() {
        cluster.tls_server_name.clone_from(&overrides.tls_server_name);
    }
    cluster
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(variables: &[(&str, &str)]) -> KubeOptions {
        let set = |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
        KubeOptions { environment: KubeOptions::take(set), ..KubeOptions::default() }
    }

    #[test]
    fn a_pod_finds_its_own_cluster() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().display().to_string();
        let host = [("KUBERNETES_SERVICE_HOST", "172.20.0.1"), ("KUBERNETES_SERVICE_PORT", "443")];
        assert!(Chosen::in_cluster(&options(&host), &path).is_none(), "without a token this is no Pod");
        std::fs::write(folder.path().join("token"), "t").unwrap();
        assert!(Chosen::in_cluster(&options(&[]), &path).is_none(), "without a server this is no Pod");

        let chosen = Chosen::in_cluster(&options(&host), &path).unwrap();
        assert_eq!((chosen.server.as_str(), chosen.namespace.as_str()), ("https://172.20.0.1:443", "default"));
        assert!(chosen.configured && chosen.cluster.certificate_authority.is_none());
        assert_eq!(chosen.user.token_file, Some(format!("{path}/token")));

        std::fs::write(folder.path().join("ca.crt"), "c").unwrap();
        std::fs::write(folder.path().join("namespace"), "shop\n").unwrap();
        let chosen = Chosen::in_cluster(&options(&host), &path).unwrap();
        assert_eq!(chosen.namespace, "shop");
        assert_eq!(chosen.cluster.certificate_authority, Some(format!("{path}/ca.crt")));
        let six =
            [("KUBERNETES_SERVICE_HOST", "fd00::1"), ("KUBERNETES_SERVICE_PORT", "6443"), ("POD_NAMESPACE", "own")];
        let chosen = Chosen::in_cluster(&options(&six), &path).unwrap();
        assert_eq!((chosen.server.as_str(), chosen.namespace.as_str()), ("https://[fd00::1]:6443", "own"));
    }

    #[test]
    fn what_a_kubeconfig_says_goes_ahead_of_the_pod() {
        let config: Kubeconfig = serde_json::from_value(json!({
            "current-context": "c", "clusters": [{"name": "c", "cluster": {"server": "https://there"}}],
            "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}], "users": [],
        }))
        .unwrap();
        let host = [("KUBERNETES_SERVICE_HOST", "172.20.0.1"), ("KUBERNETES_SERVICE_PORT", "443")];
        assert_eq!(Chosen::of(&config, &options(&host)).unwrap().server, "https://there");
        let nothing = Chosen::of(&Kubeconfig::default(), &options(&[])).unwrap();
        assert_eq!((nothing.server.as_str(), nothing.configured), (DEFAULT_SERVER, false));
    }
}
