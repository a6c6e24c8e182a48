//! The commands of the Pod Identity lesson, forms of output, manifests, errors.

use crate::harness::with_cluster;

#[test]
fn the_lesson_s_commands() {
    with_cluster(async |cluster| {
        let ran = cluster.run("-n carts describe deployment carts").await;
        assert_eq!((ran.status, ran.stderr.as_str()), (0, ""), "{ran:?}");
        assert!(ran.stdout.contains("\n  Service Account:  carts\n"), "{}", ran.stdout);
        let ran = cluster.run("-n carts rollout restart deployment/carts").await;
        assert_eq!((ran.status, ran.stdout.as_str()), (0, "deployment.apps/carts restarted\n"), "{ran:?}");
        let ran = cluster.run("-n carts rollout status deployment/carts --timeout=300s").await;
        assert_eq!(ran.status, 0, "{ran:?}");
        assert!(ran.stdout.ends_with("deployment \"carts\" successfully rolled out\n"), "{ran:?}");
        assert!(ran.stdout.contains("Waiting for deployment \"carts\" rollout to finish: "), "{ran:?}");
        let operations: Vec<String> = cluster.target.calls().take().into_iter().map(|call| call.operation).collect();
        for wanted in ["get deployments.apps", "patch deployments.apps", "watch deployments.apps"] {
            assert!(operations.iter().any(|operation| operation == wanted), "{wanted} in {operations:?}");
        }
        let ran = cluster.run("-n carts wait --for=condition=Available deployment/carts --timeout=60s").await;
        assert_eq!(ran.stdout, "deployment.apps/carts condition met\n", "{ran:?}");
        let ran = cluster.run("wait --for=condition=Other deploy/carts -n carts --timeout=2s").await;
        assert_eq!(
            (ran.status, ran.stderr.as_str()),
            (1, "error: timed out waiting for the condition on deployments/carts\n"),
            "{ran:?}"
        );
    });
}

#[test]
fn objects_in_every_form() {
    with_cluster(async |cluster| {
        let ran = cluster.run("get deploy carts -n carts -o name").await;
        assert_eq!(ran.stdout, "deployment.apps/carts\n", "{ran:?}");
        let ran = cluster.run("get deployments.apps -n carts carts -o jsonpath={.metadata.name}{\"\\n\"}").await;
        assert_eq!(ran.stdout, "carts\n", "{ran:?}");
        let ran = cluster.run("get deploy -n carts carts").await;
        let lines: Vec<&str> = ran.stdout.lines().collect();
        assert!(
            lines[0].starts_with("NAME ") && lines[0].contains("   READY   UP-TO-DATE   AVAILABLE   AGE"),
            "{ran:?}"
        );
        assert_eq!(lines.len(), 2, "{ran:?}");
        let ran = cluster.run("get deploy,rs -n carts").await;
        assert!(ran.stdout.contains("\n\nNAME") && ran.stdout.contains("deployment.apps/carts "), "{ran:?}");
        let ran = cluster.run("get pods -A --no-headers").await;
        assert!(ran.stdout.lines().any(|line| line.starts_with("carts ")), "{ran:?}");
        let ran = cluster.run("get pods -n nowhere").await;
        assert_eq!(ran.stderr, "No resources found in nowhere namespace.\n", "{ran:?}");
        let ran = cluster.run("get deploy carts -n carts -o yaml").await;
        assert!(ran.stdout.starts_with("apiVersion: apps/v1\nkind: Deployment\nmetadata:\n"), "{ran:?}");
        let ran = cluster.run("get sa -n carts -o custom-columns=N:.metadata.name --sort-by=.metadata.name").await;
        assert!(ran.stdout.starts_with("N\n") && ran.stdout.contains("carts\n"), "{ran:?}");
        let ran = cluster.run("describe pods -n carts").await;
        assert!(ran.stdout.contains("Controlled By:  ReplicaSet/carts-"), "{ran:?}");
    });
}

#[test]
fn manifests_are_applied_and_deleted() {
    with_cluster(async |cluster| {
        let manifest =
            "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: settings\n  namespace: default\ndata:\n  a: '1'\n";
        let apply = ["apply", "-f", "-"];
        assert_eq!(cluster.words(&apply, manifest).await.stdout, "configmap/settings created\n");
        assert_eq!(cluster.words(&apply, manifest).await.stdout, "configmap/settings unchanged\n");
        let changed = manifest.replace("'1'", "'2'");
        assert_eq!(cluster.words(&apply, &changed).await.stdout, "configmap/settings configured\n");
        let ran = cluster.run("describe cm settings").await;
        assert!(ran.stdout.contains("\nData\n====\na:\n----\n2\n\n\nBinaryData\n====\n\nEvents:  <none>\n"), "{ran:?}");
        assert_eq!(cluster.run("label cm settings x=y").await.stdout, "configmap/settings labeled\n");
        let ran = cluster.run("delete cm settings").await;
        assert_eq!((ran.status, ran.stdout.as_str()), (0, "configmap \"settings\" deleted\n"), "{ran:?}");
        assert_eq!(cluster.run("create namespace other-one").await.stdout, "namespace/other-one created\n");
        let ran = cluster.run("scale -n carts deploy/carts --replicas=2").await;
        assert_eq!(ran.stdout, "deployment.apps/carts scaled\n", "{ran:?}");
        let ran = cluster.run("rollout status -n carts deploy/carts").await;
        assert!(ran.stdout.ends_with("successfully rolled out\n"), "{ran:?}");
        let ran = cluster.run("rollout history -n carts deploy/carts").await;
        assert!(
            ran.stdout.starts_with("deployment.apps/carts \nREVISION  CHANGE-CAUSE\n1         <none>\n"),
            "{ran:?}"
        );
    });
}

#[test]
fn errors_in_kubectl_s_words() {
    with_cluster(async |cluster| {
        for (line, status, stderr) in [
            ("get foo", 1, "error: the server doesn't have a resource type \"foo\"\n"),
            ("get deploy nosuch", 1, "Error from server (NotFound): deployments.apps \"nosuch\" not found\n"),
            ("get --foo", 1, "error: unknown flag: --foo\nSee 'kubectl get --help' for usage.\n"),
            ("get -z", 1, "error: unknown shorthand flag: 'z' in -z\nSee 'kubectl get --help' for usage.\n"),
            ("gett", 1, "error: unknown command \"gett\" for \"kubectl\"\n\nDid you mean this?\n\tset\n\tget\n"),
            ("rollout status", 1, "error: required resource not specified\n"),
            ("rollout foo", 1, "error: unknown command \"foo\"\nSee 'kubectl rollout -h' for help and examples\n"),
            ("wait pod/x", 1, "error: unrecognized condition: \"\"\n"),
            ("apply foo", 1, "error: Unexpected args: [foo]\nSee 'kubectl apply -h' for help and examples\n"),
            (
                "scale deploy/x -n carts --replicas=1",
                1,
                "error: no objects passed to scale deployments.apps \"x\" not found\n",
            ),
            (
                "get pods --request-timeout=x",
                1,
                "error: Invalid timeout value. Timeout must be a single integer in seconds, or an integer followed by a corresponding time unit (e.g. 1s | 2m | 3h)\n",
            ),
        ] {
            let ran = cluster.run(line).await;
            assert_eq!((ran.status, ran.stderr.as_str()), (status, stderr), "{line}");
        }
        let ran = cluster.run("get pods --server=http://127.0.0.1:1").await;
        assert!(ran.status == 1 && ran.stderr.starts_with("error: --server is refused: "), "{ran:?}");
    });
}

#[test]
fn containers_answer_and_rollouts_go_back() {
    with_cluster(async |cluster| {
        let ran = cluster.words(&["exec", "-n", "carts", "deployment/carts", "--", "env"], "").await;
        assert_eq!(ran.status, 0, "{ran:?}");
        assert!(ran.stdout.lines().any(|line| line.starts_with("JAVA_OPTS=")), "{ran:?}");
        let ran = cluster.run("logs -n carts deploy/carts --tail=1").await;
        assert_eq!((ran.status, ran.stdout.lines().count() <= 1), (0, true), "{ran:?}");
        let ran = cluster.run("set image -n carts deploy/carts carts=example/other:1").await;
        assert_eq!(ran.stdout, "deployment.apps/carts image updated\n", "{ran:?}");
        let ran = cluster.run("set image -n carts deploy/carts carts=example/other:1").await;
        assert_eq!((ran.status, ran.stdout.as_str()), (0, ""), "{ran:?}");
        let ran = cluster.run("rollout undo -n carts deploy/carts").await;
        assert_eq!(ran.stdout, "deployment.apps/carts rolled back\n", "{ran:?}");
        let ran = cluster.run("rollout status -n carts deploy/carts --timeout=300s").await;
        assert!(ran.stdout.ends_with("successfully rolled out\n"), "{ran:?}");
        let ran = cluster.run("rollout pause -n carts deploy/carts").await;
        assert_eq!(ran.stdout, "deployment.apps/carts paused\n", "{ran:?}");
        let ran = cluster.run("rollout restart -n carts deploy/carts").await;
        assert_eq!(
            (ran.status, ran.stderr.as_str()),
            (1, "error: deployments.apps \"carts\" can't restart paused deployment (run rollout resume first)\n"),
            "{ran:?}"
        );
        let ran = cluster
            .words(&["patch", "-n", "carts", "deploy", "carts", "-p", "{\"spec\":{\"paused\":false}}"], "")
            .await;
        assert_eq!(ran.stdout, "deployment.apps/carts patched\n", "{ran:?}");
    });
}

#[test]
fn a_pod_of_one_command_runs_and_is_exposed() {
    with_cluster(async |cluster| {
        let ran = cluster.run("run box --image=busybox:1 --port 80 --labels app=box").await;
        assert_eq!((ran.status, ran.stdout.as_str()), (0, "pod/box created\n"), "{ran:?}");
        let ran = cluster.run("wait --for=condition=Ready pod/box --timeout=120s").await;
        assert_eq!(ran.stdout, "pod/box condition met\n", "{ran:?}");
        let ran = cluster.run("expose pod box").await;
        assert_eq!((ran.status, ran.stdout.as_str()), (0, "service/box exposed\n"), "{ran:?}");
        let ran = cluster.run("get svc box -o jsonpath={.spec.selector.app}:{.spec.ports[0].targetPort}").await;
        assert_eq!(ran.stdout, "box:80", "{ran:?}");
        let ran = cluster.run("run box --image=busybox:1").await;
        assert_eq!(ran.stderr, "Error from server (AlreadyExists): pods \"box\" already exists\n", "{ran:?}");
        let ran = cluster.run("top pod box --no-headers").await;
        assert!(ran.status == 0 && ran.stdout.starts_with("box "), "{ran:?}");
    });
}

#[test]
fn a_drained_node_has_no_pods_and_gets_none() {
    with_cluster(async |cluster| {
        let ran = cluster.run("get pods -n carts -o jsonpath={.items[0].spec.nodeName}").await;
        let node = ran.stdout;
        let ran = cluster.run(&format!("drain {node} --ignore-daemonsets --delete-emptydir-data --force")).await;
        assert_eq!(ran.status, 0, "{ran:?}");
        assert!(ran.stdout.starts_with(&format!("node/{node} cordoned\n")), "{ran:?}");
        assert!(ran.stdout.ends_with(&format!("node/{node} drained\n")), "{ran:?}");
        let ran = cluster.run("rollout status -n carts deployment/carts --timeout=200s").await;
        assert_eq!(ran.status, 0, "{ran:?}");
        let ran = cluster.run("get pods -n carts -o jsonpath={.items[*].spec.nodeName}").await;
        assert!(!ran.stdout.contains(&node), "{ran:?}");
        let ran = cluster.run(&format!("uncordon {node}")).await;
        assert_eq!(ran.stdout, format!("node/{node} uncordoned\n"), "{ran:?}");
        for (line, said) in [
            (format!("taint nodes {node} a=b:NoSchedule"), format!("node/{node} tainted\n")),
            (format!("taint nodes {node} a=c:NoSchedule --overwrite"), format!("node/{node} modified\n")),
            (format!("taint nodes {node} a:NoSchedule-"), format!("node/{node} untainted\n")),
        ] {
            assert_eq!(cluster.run(&line).await.stdout, said);
        }
    });
}

#[test]
fn a_difference_is_shown_and_made_by_nobody() {
    with_cluster(async |cluster| {
        let manifest = |colour: &str| {
            format!(
                "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: settings, namespace: carts}}\ndata: {{COLOUR: {colour}}}\n"
            )
        };
        assert_eq!(cluster.words(&["apply", "-f", "-"], &manifest("blue")).await.status, 0);
        let ran = cluster.words(&["diff", "-f", "-"], &manifest("green")).await;
        assert_eq!((ran.status, ran.stderr.as_str()), (1, ""), "{ran:?}");
        let lines: Vec<&str> = ran.stdout.lines().collect();
        assert!(
            lines[0].starts_with("diff -u -N /tmp/LIVE-") && lines[0].ends_with("/v1.ConfigMap.carts.settings"),
            "{ran:?}"
        );
        let changed = |sign: char| lines.iter().filter(|line| line.starts_with(sign)).copied().collect::<Vec<_>>();
        assert_eq!(changed('-')[1..], ["-  COLOUR: blue"], "{ran:?}");
        assert_eq!(changed('+')[1..], ["+  COLOUR: green"], "{ran:?}");
        let ran = cluster.words(&["diff", "-f", "-"], &manifest("blue")).await;
        assert_eq!((ran.status, ran.stdout.as_str()), (0, ""), "{ran:?}");
    });
}
