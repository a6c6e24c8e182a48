//! The cluster on its socket: who is let in, and what the real kubectl's own requests need.

use kube::api::{Api, ListParams};
use kube::core::Status;
use needs::needs;

use crate::served::Served;

#[test]
fn without_the_token_nobody_is_let_in() {
    let served = Served::start(&[]);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let text = std::fs::read_to_string(served.kubeconfig()).unwrap();
    let mut config: serde_json::Value = serde_json::from_str(&text).unwrap();
    let list = |config: &serde_json::Value| {
        let config = serde_json::from_value(config.clone()).unwrap();
        runtime.block_on(async {
            let config = kube::Config::from_custom_kubeconfig(config, &Default::default()).await.unwrap();
            let pods: Api<k8s_openapi::api::core::v1::Pod> = Api::all(kube::Client::try_from(config).unwrap());
            pods.list(&ListParams::default()).await.map(|list| list.items.len())
        })
    };
    assert!(list(&config).unwrap() > 0);
    for user in [
        serde_json::json!({"token": "wrong"}),
        serde_json::json!({}),
        serde_json::json!({"username": "a", "password": "b"}),
    ] {
        config["users"][0]["user"] = user;
        match list(&config).unwrap_err() {
            kube::Error::Api(status) => {
                let Status { code, reason, message, .. } = *status;
                assert_eq!((code, reason.as_str(), message.as_str()), (401, "Unauthorized", "Unauthorized"));
            }
            other => panic!("{other}"),
        }
    }
}

/// Command lines of the real kubectl that ask for more than lists: protobuf bodies, sub-resources, streams.
#[needs("kubectl")]
#[test]
fn the_real_kubectl_is_content() {
    let kubectl = oracles::path("kubectl");
    let served = Served::start(&[]);
    for (line, status, stdout, stderr) in [
        (
            "kubectl create configmap settings --from-literal=a=b --from-literal=empty=",
            0,
            "configmap/settings created\n",
            "",
        ),
        ("kubectl get cm settings -o jsonpath='{.data}'", 0, r#"{"a":"b","empty":""}"#, ""),
        (
            "kubectl create deployment web --image=nginx:1.27 --replicas=0 --port=80",
            0,
            "deployment.apps/web created\n",
            "",
        ),
        (
            "kubectl get deploy web -o jsonpath='{.spec.replicas} {.spec.template.spec.containers[0].ports}'",
            0,
            r#"0 [{"containerPort":80,"protocol":"TCP"}]"#,
            "",
        ),
        ("kubectl create service clusterip web --tcp=80:8080", 0, "service/web created\n", ""),
        (
            "kubectl get svc web -o jsonpath='{.spec.ports}'",
            0,
            r#"[{"name":"80-8080","port":80,"protocol":"TCP","targetPort":8080}]"#,
            "",
        ),
        ("kubectl create secret generic pass --from-literal=p=w", 0, "secret/pass created\n", ""),
        (
            "kubectl create role reader --verb=get,list --resource=pods",
            0,
            "role.rbac.authorization.k8s.io/reader created\n",
            "",
        ),
        (
            "kubectl get role reader -o jsonpath='{.rules}'",
            0,
            r#"[{"apiGroups":[""],"resources":["pods"],"verbs":["get","list"]}]"#,
            "",
        ),
        (
            "kubectl create rolebinding reads --role=reader --serviceaccount=default:default",
            0,
            "rolebinding.rbac.authorization.k8s.io/reads created\n",
            "",
        ),
        ("kubectl auth can-i get pods", 0, "yes\n", ""),
        ("kubectl auth can-i get pods --as=system:serviceaccount:default:default", 0, "yes\n", ""),
        ("kubectl auth can-i delete pods --as=system:serviceaccount:default:default", 1, "no\n", ""),
        ("kubectl create token nosuch", 1, "", "error: failed to create token: serviceaccounts \"nosuch\" not found\n"),
        ("kubectl create token default | tr -cd . | wc -c", 0, "2\n", ""),
        (
            "kubectl create configmap settings",
            1,
            "",
            "error: failed to create configmap: configmaps \"settings\" already exists\n",
        ),
        ("kubectl get pods --token=wrong", 1, "", "error: You must be logged in to the server (Unauthorized)\n"),
        (
            "kubectl exec -n carts deploy/carts -c carts -- printenv RETAIL_CART_PERSISTENCE_PROVIDER",
            0,
            "dynamodb\n",
            "",
        ),
        ("kubectl logs -n carts deploy/carts | grep -c 'Started CartApplication'", 0, "1\n", ""),
    ] {
        assert_eq!(served.kubectl(&kubectl, line), (status, stdout.to_owned(), stderr.to_owned()), "{line}");
    }
}
