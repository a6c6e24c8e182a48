//! What a sandbox keeps over a restart.
#![allow(clippy::disallowed_methods, reason = "tests run the program")]

use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::Api;
use kube::api::{ListParams, PostParams};

use crate::served::{Served, sandbox};

fn config_map(name: &str) -> ConfigMap {
    serde_json::from_value(serde_json::json!({"metadata": {"name": name}, "data": {"a": "b"}})).unwrap()
}

#[test]
fn what_was_answered_survives_a_kill() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state");
    let arguments = ["--state", state.to_str().unwrap()];
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();

    let mut first = Served::start(&arguments);
    let (key, kubeconfig) = (first.environment["AWS_ACCESS_KEY_ID"].clone(), first.kubeconfig().to_owned());
    let answered: Vec<String> = runtime.block_on(async {
        let maps: Api<ConfigMap> = Api::namespaced(first.client().await, "default");
        let names = (0..40).map(|number| format!("kept-{number}"));
        let mut creations: FuturesUnordered<_> = names
            .map(|name| {
                let maps = maps.clone();
                async move { maps.create(&PostParams::default(), &config_map(&name)).await.is_ok().then_some(name) }
            })
            .collect();
        // The others are on their way when the sandbox is killed.
        let mut answered = Vec::new();
        while answered.len() < 20
            && let Some(name) = creations.next().await
        {
            answered.extend(name);
        }
        answered
    });
    assert!(!answered.is_empty());
    let made = first.account(
        "iam", &key, "POST", "/",
        "Action=CreateRole&Version=2010-05-08&RoleName=kept&AssumeRolePolicyDocument=%7B%22Version%22%3A%222012-10-17%22%2C%22Statement%22%3A%5B%5D%7D",
    );
    assert!(made.starts_with("HTTP/1.1 200 "), "{made}");
    first.child.kill().unwrap();
    first.child.wait().unwrap();

    let second = Served::start(&arguments);
    assert_eq!(second.kubeconfig(), kubeconfig, "clients of the first are clients of the second");
    assert_eq!(second.environment["AWS_ACCESS_KEY_ID"], key);
    let kept: Vec<String> = runtime.block_on(async {
        let maps: Api<ConfigMap> = Api::namespaced(second.client().await, "default");
        let list = maps.list(&ListParams::default()).await.unwrap();
        list.items.into_iter().filter_map(|map| map.metadata.name).collect()
    });
    for name in &answered {
        assert!(kept.contains(name), "{name} was answered and is lost; kept: {kept:?}");
    }
    let role = second.account("iam", &key, "POST", "/", "Action=GetRole&Version=2010-05-08&RoleName=kept");
    assert!(role.contains("role/kept</Arn>"), "{role}");

    // The folder is one program's, and of one scenario.
    let refused = sandbox(&arguments);
    assert_eq!(refused.status.code(), Some(3), "{}", String::from_utf8_lossy(&refused.stderr));
    drop(second);
    let other = sandbox(&["--state", state.to_str().unwrap(), "--scenario", "another"]);
    assert_eq!(other.status.code(), Some(2), "{}", String::from_utf8_lossy(&other.stderr));
}

#[test]
fn secrets_are_their_owners_and_go_with_the_sandbox() {
    let mut served = Served::start(&[]);
    let kubeconfig = served.kubeconfig().to_owned();
    assert_eq!(std::fs::metadata(&kubeconfig).unwrap().permissions().mode() & 0o777, 0o600);
    let folder = kubeconfig.parent().unwrap().to_owned();
    assert_eq!(std::fs::metadata(&folder).unwrap().permissions().mode() & 0o777, 0o700);
    let id = served.child.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
    assert_eq!(served.child.wait().unwrap().code(), Some(143));
    assert!(!folder.exists());
}
