//! The workshop's base application, applied whole.

use std::path::Path;

use needs::needs;

use crate::served::Served;

#[needs("kubectl", "shared/corpus")]
#[test]
fn the_base_application_applies_and_gets_ready() {
    let kubectl = oracles::path("kubectl");
    let manifests = oracles::path("shared/corpus/manifests/base-application");
    let scenario = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/kubectl_real/scenario");
    let served = Served::start(&["--scenario", scenario.to_str().unwrap(), "--speed", "50"]);
    let run = |line: &str| {
        let (status, stdout, stderr) = served.kubectl(&kubectl, line);
        assert_eq!((status, stderr.as_str()), (0, ""), "{line}");
        stdout
    };
    let applied = run(&format!("kubectl apply -k {}", manifests.display()));
    let made = applied.lines().filter(|line| line.ends_with(" created")).count();
    assert_eq!(made, applied.lines().count(), "{applied}");
    for namespace in ["carts", "catalog", "checkout", "orders", "ui"] {
        let line = format!("kubectl wait --for=condition=Available deployment --all -n {namespace} --timeout=120s");
        assert!(run(&line).contains("condition met"), "{namespace}");
    }
    run("kubectl rollout status statefulset/catalog-mysql -n catalog --timeout=120s");
    let ready = "-o jsonpath='{range .items[*]}{.status.containerStatuses[*].ready}{\" \"}{end}'";
    let ready = run(&format!("kubectl get pods -A -l app.kubernetes.io/created-by=eks-workshop {ready}"));
    let ready: Vec<&str> = ready.split_whitespace().collect();
    assert!(ready.len() >= 9 && ready.iter().all(|one| *one == "true"), "{ready:?}");
    // Once more it changes nothing.
    let again = run(&format!("kubectl apply -k {}", manifests.display()));
    let changed: Vec<&str> = again.lines().filter(|line| !line.ends_with(" unchanged")).collect();
    // A real cluster's kubectl says so of this one too: the recording has it.
    assert_eq!(changed, ["deployment.apps/ui configured"]);
    // And it goes with its namespaces.
    run("kubectl delete namespace carts catalog checkout orders other ui --timeout=120s");
    assert_eq!(run("kubectl get deploy,sts,svc -A -o name"), "service/kubernetes\n");
}
