//! The account on its socket.

use crate::served::{Served, sandbox};

#[test]
fn an_unknown_access_key_is_refused_in_the_protocol_of_the_service() {
    let served = Served::start(&[]);
    let key = served.environment["AWS_ACCESS_KEY_ID"].clone();
    assert!(!served.environment.contains_key("AWS_PROFILE"), "a profile would lead elsewhere");
    let refused =
        served.account("sts", "AKIAIOSFODNN7EXAMPLE", "POST", "/", "Action=GetCallerIdentity&Version=2011-06-15");
    assert!(refused.starts_with("HTTP/1.1 403 ") && refused.contains("<Code>InvalidClientTokenId</Code>"), "{refused}");
    let refused = served.account("eks", "AKIAIOSFODNN7EXAMPLE", "GET", "/clusters", "").to_lowercase();
    assert!(
        refused.starts_with("http/1.1 403 ") && refused.contains("x-amzn-errortype: invalidclienttokenid"),
        "{refused}"
    );

    let known = served.account("sts", &key, "POST", "/", "Action=GetCallerIdentity&Version=2011-06-15");
    let account = &served.environment["AWS_ACCOUNT_ID"];
    assert!(known.starts_with("HTTP/1.1 200 ") && known.contains(&format!("<Account>{account}</Account>")), "{known}");
    let known = served.account("eks", &key, "GET", "/clusters", "");
    assert!(known.contains(&served.environment["EKS_CLUSTER_NAME"]), "{known}");
}

#[test]
fn only_this_machine_is_answered() {
    for address in ["0.0.0.0:0", "[::]:0", "192.0.2.1:4000"] {
        let refused = sandbox(&["--listen", address]);
        let said = String::from_utf8_lossy(&refused.stderr);
        assert_eq!(refused.status.code(), Some(2), "{address}: {said}");
        assert!(said.contains("loopback") && refused.stdout.is_empty(), "{said}");
    }
    assert_eq!(sandbox(&["--listen", "here"]).status.code(), Some(2));
    assert_eq!(sandbox(&["--scenario", "none-of-that-name"]).status.code(), Some(3));
}
