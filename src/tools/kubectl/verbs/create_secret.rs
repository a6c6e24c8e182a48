//! `kubectl create secret docker-registry`, `create secret tls` and `create token`, and names with a hash.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::Method;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::create::{self, COMMON};
use crate::tools::kubectl::api::Call;
use crate::tools::kubectl::error::Failure;
use crate::tools::kubectl::manifests::reason;
use crate::tools::kubectl::options::{DRY_RUN, Flag, PRINT};
use crate::tools::kubectl::print::json::compact;
use crate::tools::kubectl::print::object::ObjectPrinter;
use crate::tools::kubectl::session::Session;

/// The options of `create secret docker-registry`.
pub const REGISTRY_OPTIONS: &[&[Flag]] = &[
    COMMON,
    &[
        Flag::switch("append-hash"),
        Flag::text("docker-email"),
        Flag::text("docker-password"),
        Flag::text("docker-server").or("https://index.docker.io/v1/"),
        Flag::text("docker-username"),
        Flag::list("from-file"),
    ],
    DRY_RUN,
    PRINT,
];
/// The options of `create secret tls`.
pub const TLS_OPTIONS: &[&[Flag]] =
    &[COMMON, &[Flag::switch("append-hash"), Flag::text("cert"), Flag::text("key")], DRY_RUN, PRINT];
/// The options of `create token`.
pub const TOKEN_OPTIONS: &[&[Flag]] = &[
    &[
        Flag::each("audience"),
        Flag::text("bound-object-kind"),
        Flag::text("bound-object-name"),
        Flag::text("bound-object-uid"),
        Flag::duration("duration", "0s"),
    ],
    PRINT,
];

/// Puts the hash of a ConfigMap's or Secret's content behind its name, if `--append-hash` asks for it.
pub fn append_hash(session: &Session, value: &mut Value) {
    if !session.options.on("append-hash") {
        return;
    }
    let name = value["metadata"]["name"].as_str().unwrap_or_default().to_owned();
    let data = if value["data"].is_object() { value["data"].clone() } else { json!({}) };
    let mut content = json!({"kind": value["kind"], "name": name, "data": data});
    if value["kind"] == "Secret" {
        content["type"] = json!(value["type"].as_str().unwrap_or_default());
    } else if value["binaryData"].is_object() {
        content["binaryData"] = value["binaryData"].clone();
    }
    let digest = Sha256::digest(compact(&content).as_bytes());
    let hash: String = digest.iter().take(5).map(|byte| format!("{byte:02x}")).collect();
    // Vowels and digits that look like them are others, so that no words come about (kubectl/pkg/util/hash).
    let hash = hash.replace('0', "g").replace('1', "h").replace('3', "k").replace('a', "m").replace('e', "t");
    value["metadata"]["name"] = json!(format!("{name}-{hash}"));
}

/// What kubectl calls a Secret that the server does not take; it has no colon behind it.
pub const SECRET: &str = "secret";

fn secret_of(name: &str, kind: &str, data: Value) -> Value {
    json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"creationTimestamp": null, "name": name},
        "data": data, "type": kind})
}

/// Creates a Secret for a registry of images.
///
/// # Errors
/// As kubectl.
pub async fn registry(session: &Session) -> Result<(), Failure> {
    let name = create::name(session)?;
    let text = |option: &str| session.options.text(option);
    let files = session.options.all("from-file");
    let (user, password, server) = (text("docker-username"), text("docker-password"), text("docker-server"));
    if files.is_empty() && (user.is_empty() || password.is_empty() || server.is_empty()) {
        return Err(Failure::message(
            "either --from-file or the combination of --docker-username, --docker-password and --docker-server is required",
        ));
    }
    let data = if files.is_empty() {
        // The fields are in the order of kubectl's own type.
        let part = |text: &str| Value::from(text).to_string();
        let mut entry = format!("{{\"username\":{},\"password\":{}", part(user), part(password));
        if !text("docker-email").is_empty() {
            entry.push_str(&format!(",\"email\":{}", part(text("docker-email"))));
        }
        let both = STANDARD.encode(format!("{user}:{password}"));
        entry.push_str(&format!(",\"auth\":{}}}", part(&both)));
        let content = format!("{{\"auths\":{{{}:{entry}}}}}", part(server));
        json!({".dockerconfigjson": STANDARD.encode(content)})
    } else {
        let mut data = json!({});
        for (key, bytes) in create::data(session)? {
            data[key] = json!(STANDARD.encode(bytes));
        }
        data
    };
    let mut value = secret_of(&name, "kubernetes.io/dockerconfigjson", data);
    append_hash(session, &mut value);
    create::make_named(session, value, SECRET).await
}

/// The kinds of the blocks in a text of PEM.
fn blocks(bytes: &[u8]) -> Vec<String> {
    String::from_utf8_lossy(bytes)
        .lines()
        .filter_map(|line| line.trim().strip_prefix("-----BEGIN ")?.strip_suffix("-----").map(str::to_owned))
        .collect()
}

/// Creates a Secret of a certificate and its key.
///
/// # Errors
/// As kubectl.
pub async fn tls(session: &Session) -> Result<(), Failure> {
    let name = create::name(session)?;
    let (cert, key) = (session.options.text("cert"), session.options.text("key"));
    if cert.is_empty() || key.is_empty() {
        return Err(Failure::message("key and cert must be specified"));
    }
    let read = |path: &str| {
        session
            .files()
            .read(path)
            .map_err(|error| Failure::message(format!("Cannot read file {path}, open {path}: {}", reason(&error))))
    };
    let (cert, key) = (read(cert)?, read(key)?);
    let (of_cert, of_key) = (blocks(&cert), blocks(&key));
    let is_key = |kind: &String| kind == "PRIVATE KEY" || kind.ends_with(" PRIVATE KEY");
    if !of_cert.iter().any(|kind| kind == "CERTIFICATE") {
        return Err(Failure::message(match of_cert.as_slice() {
            [] => "tls: failed to find any PEM data in certificate input".to_owned(),
            [kind] if is_key(kind) => {
                "tls: failed to find certificate PEM data in certificate input, but did find a private key; PEM inputs may have been switched".to_owned()
            }
            kinds => format!(
                "tls: failed to find \"CERTIFICATE\" PEM block in certificate input after skipping PEM blocks of the following types: [{}]",
                kinds.join(" ")
            ),
        }));
    }
    if !of_key.iter().any(is_key) {
        return Err(Failure::message(match of_key.as_slice() {
            [] => "tls: failed to find any PEM data in key input".to_owned(),
            [kind] if kind == "CERTIFICATE" => {
                "tls: found a certificate rather than a key in the PEM for the private key".to_owned()
            }
            kinds => format!(
                "tls: failed to find PEM block with type ending in \"PRIVATE KEY\" in key input after skipping PEM blocks of the following types: [{}]",
                kinds.join(" ")
            ),
        }));
    }
    let data = json!({"tls.crt": STANDARD.encode(cert), "tls.key": STANDARD.encode(key)});
    let mut value = secret_of(&name, "kubernetes.io/tls", data);
    append_hash(session, &mut value);
    create::make_named(session, value, SECRET).await
}

/// Asks for a token of a ServiceAccount.
///
/// # Errors
/// As kubectl.
pub async fn token(session: &Session) -> Result<(), Failure> {
    let name = create::name(session)?;
    let options = &session.options;
    let text = |option: &str| options.text(option);
    if options.is_negative("duration") {
        return Err(Failure::message("--duration must be greater than or equal to 0"));
    }
    let duration = options.duration("duration");
    if duration.is_some_and(|duration| duration.subsec_nanos() != 0) {
        return Err(Failure::message("--duration cannot be expressed in units less than seconds"));
    }
    let version = match text("bound-object-kind") {
        "" => {
            if !text("bound-object-name").is_empty() {
                return Err(Failure::message("--bound-object-name can only be set if --bound-object-kind is provided"));
            }
            if !text("bound-object-uid").is_empty() {
                return Err(Failure::message("--bound-object-uid can only be set if --bound-object-kind is provided"));
            }
            None
        }
        "Node" | "Pod" | "Secret" => Some("v1"),
        _ => return Err(Failure::message("supported --bound-object-kind values are Node, Pod, Secret")),
    };
    if version.is_some() && text("bound-object-name").is_empty() {
        return Err(Failure::message("--bound-object-name is required if --bound-object-kind is provided"));
    }
    let mut spec = json!({"audiences": options.all("audience")});
    if let Some(duration) = duration {
        spec["expirationSeconds"] = json!(duration.as_secs());
    }
    if let Some(version) = version {
        spec["boundObjectRef"] = json!({"kind": text("bound-object-kind"), "apiVersion": version,
            "name": text("bound-object-name"), "uid": text("bound-object-uid")});
    }
    let mut printer = ObjectPrinter::chosen(session).await?;
    let request = json!({"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest",
        "metadata": {"creationTimestamp": null}, "spec": spec,
        "status": {"token": "", "expirationTimestamp": null}});
    let namespace = session.namespace().await?;
    let path = format!("/api/v1/namespaces/{namespace}/serviceaccounts/{name}/token");
    let call = Call::new(Method::POST, path).json(&request);
    let mut answer = session
        .api()
        .await?
        .value(&call)
        .await
        .map_err(|failure| Failure::message(format!("failed to create token: {}", failure.words())))?;
    // Go writes what no object is named by as well.
    if let Some(spec) = answer["spec"].as_object_mut() {
        spec.entry("boundObjectRef").or_insert(Value::Null);
    }
    let token = answer["status"]["token"].as_str().unwrap_or_default();
    if token.is_empty() {
        return Err(Failure::message("failed to create token: no token in server response"));
    }
    match &mut printer {
        Some(printer) => session.print(printer.print(&answer)?).await,
        // kubectl ends it with no newline.
        None => session.print(token).await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_of_pem_are_told_apart() {
        assert_eq!(blocks(b"-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----\n"), ["CERTIFICATE"]);
        assert!(blocks(b"nothing").is_empty());
    }
}
