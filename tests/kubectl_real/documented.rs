//! Command lines whose answers Kubernetes' documentation, or the source of kubectl and of the server's parts, says: errors above
//! all. Where each answer is from is said at its group.

use std::path::Path;

use crate::served::Served;
use needs::needs;

/// A command line, its exit status, standard output and standard error. `*` stands for anything within a line.
type Line<'a> = (&'a str, i32, &'a str, &'a str);

fn fits(expected: &str, got: &str) -> bool {
    let pattern: Vec<String> = expected.trim_end_matches('\n').split('*').map(regex::escape).collect();
    let pattern = format!("^{}$", pattern.join("[^\n]*"));
    regex::Regex::new(&pattern).unwrap().is_match(got.trim_end_matches('\n'))
}

fn answers(served: &Served, kubectl: &Path, lines: &[Line<'_>]) {
    for (line, status, stdout, stderr) in lines {
        let got = served.kubectl(kubectl, line);
        let same = got.0 == *status && fits(stdout, &got.1) && fits(stderr, &got.2);
        assert!(same, "{line}\nexpected {status}\n{stdout}\n{stderr}\ngot {}\n{}\n{}", got.0, got.1, got.2);
    }
}

/// The descriptions are those of the API reference (<https://kubernetes.io/docs/reference/kubernetes-api/>); the form and the
/// errors are of kubectl's pkg/explain.
#[needs("kubectl")]
#[test]
fn explain() {
    let kubectl = oracles::path("kubectl");
    let served = Served::start(&[]);
    answers(
        &served,
        &kubectl,
        &[
            (
                "kubectl explain deploy.spec.replicas",
                0,
                "GROUP:      apps\nKIND:       Deployment\nVERSION:    v1\n\nFIELD: replicas <integer>\n\n\nDESCRIPTION:\n    Number of desired pods. This is a pointer to distinguish between explicit\n    zero and not specified. Defaults to 1.\n    ",
                "",
            ),
            (
                "kubectl explain cronjob.spec.schedule",
                0,
                "GROUP:      batch\nKIND:       CronJob\nVERSION:    v1\n\nFIELD: schedule <string>\n\n\nDESCRIPTION:\n    The schedule in Cron format, see https://en.wikipedia.org/wiki/Cron.\n    ",
                "",
            ),
            (
                "kubectl explain pod.spec.containers.resources.limits | head -4",
                0,
                "KIND:       Pod\nVERSION:    v1\n\nFIELD: limits <map[string]Quantity>",
                "",
            ),
            (
                "kubectl explain pod.spec.restartPolicy | sed -n '4,8p'",
                0,
                "FIELD: restartPolicy <string>\nENUM:\n    Always\n    Never\n    OnFailure",
                "",
            ),
            (
                "kubectl explain pod.spec.restartPolicy | grep -A3 'Possible enum values:'",
                0,
                "    Possible enum values:\n     - `\"Always\"`\n     - `\"Never\"`\n     - `\"OnFailure\"`",
                "",
            ),
            (
                "kubectl explain pod.spec | grep -A1 '^  dnsPolicy'",
                0,
                "  dnsPolicy\t<string>\n  enum: ClusterFirst, ClusterFirstWithHostNet, Default, None",
                "",
            ),
            ("kubectl explain pdb.spec.maxUnavailable | grep FIELD", 0, "FIELD: maxUnavailable <IntOrString>", ""),
            (
                "kubectl explain pod.spec | grep -A1 '^  containers'",
                0,
                "  containers\t<[]Container> -required-\n    List of containers belonging to the pod. Containers cannot currently be*",
                "",
            ),
            ("kubectl explain hpa --api-version=autoscaling/v1 | grep VERSION", 0, "VERSION:    v1", ""),
            ("kubectl explain hpa | grep VERSION", 0, "VERSION:    v2", ""),
            ("kubectl explain pod --recursive | grep -c '^  spec'", 0, "1", ""),
            (
                "kubectl explain pod.spec.nosuch",
                1,
                "KIND:       Pod\nVERSION:    v1\n",
                "error: field \"nosuch\" does not exist",
            ),
            ("kubectl explain nosuch", 1, "", "the server doesn't have a resource type \"nosuch\""),
        ],
    );
}

/// <https://kubernetes.io/docs/reference/access-authn-authz/>: who may what, and the words of a refusal; kubectl's pkg/cmd/auth.
#[needs("kubectl")]
#[test]
fn auth() {
    let kubectl = oracles::path("kubectl");
    let served = Served::start(&[]);
    answers(
        &served,
        &kubectl,
        &[
            (
                "kubectl auth whoami",
                0,
                "ATTRIBUTE   VALUE\nUsername    *\nGroups      [system:masters system:authenticated]",
                "",
            ),
            ("kubectl auth can-i '*' '*'", 0, "yes", ""),
            ("kubectl auth can-i get pods --subresource=log", 0, "yes", ""),
            ("kubectl auth can-i list nodes --as=jane", 1, "no", "Warning: resource 'nodes' is not namespace scoped\n"),
            ("kubectl auth can-i get /version --as=jane", 0, "yes", ""),
            ("kubectl auth can-i get /metrics --as=jane", 1, "no", ""),
            (
                "kubectl get pods --as=jane",
                1,
                "",
                "Error from server (Forbidden): pods is forbidden: User \"jane\" cannot list resource \"pods\" in API group \"\" in the namespace \"default\"",
            ),
            (
                "kubectl delete node x --as=jane",
                1,
                "",
                "Error from server (Forbidden): nodes \"x\" is forbidden: User \"jane\" cannot delete resource \"nodes\" in API group \"\" at the cluster scope",
            ),
            (
                "kubectl create clusterrole looks --verb=get,list --resource=pods,deployments.apps",
                0,
                "clusterrole.rbac.authorization.k8s.io/looks created",
                "",
            ),
            (
                "kubectl create rolebinding jane --clusterrole=looks --user=jane",
                0,
                "rolebinding.rbac.authorization.k8s.io/jane created",
                "",
            ),
            ("kubectl auth can-i list deployments.apps --as=jane", 0, "yes", ""),
            ("kubectl auth can-i list deployments.apps --as=jane -n kube-system", 1, "no", ""),
            ("kubectl auth can-i delete pods --as=jane -q", 1, "", ""),
            (
                "kubectl auth can-i --list --as=jane --no-headers | grep -E '^(pods|deployments)' | sort",
                0,
                "deployments.apps*[]*[]*[get list]\npods*[]*[]*[get list]",
                "",
            ),
            (
                "kubectl get secrets --as=system:serviceaccount:default:default",
                1,
                "",
                "Error from server (Forbidden): secrets is forbidden: User \"system:serviceaccount:default:default\" cannot list resource \"secrets\" in API group \"\" in the namespace \"default\"",
            ),
        ],
    );
}

/// kubectl's pkg/cmd/{top,events,patch,exec,rollout,scale,wait,logs,delete} and the server's strategies and admission plugins.
#[needs("kubectl")]
#[test]
fn errors_of_everyday_commands() {
    let kubectl = oracles::path("kubectl");
    let served = Served::start(&["--speed", "20"]);
    answers(
        &served,
        &kubectl,
        &[
            ("kubectl top pod", 0, "", "No resources found in default namespace."),
            ("kubectl top pod -n carts --no-headers | wc -l", 0, "2", ""),
            ("kubectl top node --no-headers | wc -l", 0, "2", ""),
            (
                "kubectl top pod --containers -n carts | head -1 | tr -s ' '",
                0,
                "POD NAME CPU(cores) MEMORY(bytes) ",
                "",
            ),
            ("kubectl events", 0, "", "No events found in default namespace."),
            ("kubectl events --types=Foo", 1, "", "error: valid --types are Normal or Warning"),
            ("kubectl events --for=deploy", 1, "", "error: --for must be in resource/name form"),
            ("kubectl create deployment web --image=nginx:1.27 --replicas=2", 0, "deployment.apps/web created", ""),
            (
                "kubectl rollout status deploy/web --timeout=60s | tail -1",
                0,
                "deployment \"web\" successfully rolled out",
                "",
            ),
            ("kubectl events --for deploy/web --no-headers | grep -c 'Scaled up replica set web-'", 0, "1", ""),
            (
                "kubectl patch deploy web -p '{\"spec\":{\"replicas\":2}}'",
                0,
                "deployment.apps/web patched (no change)",
                "",
            ),
            ("kubectl patch deploy web -p '{\"spec\":{\"replicas\":3}}'", 0, "deployment.apps/web patched", ""),
            (
                "kubectl patch deploy web --type=json -p '[{\"op\":\"replace\",\"path\":\"/spec/nosuch/x\",\"value\":1}]'",
                1,
                "",
                "The request is invalid: the server rejected our request due to an error in our request",
            ),
            (
                "kubectl patch deploy nosuch -p '{}'",
                1,
                "",
                "Error from server (NotFound): deployments.apps \"nosuch\" not found",
            ),
            (
                "kubectl patch deploy web --type=bogus -p x",
                1,
                "",
                "error: --type must be one of [json merge strategic], not \"bogus\"",
            ),
            (
                "kubectl patch deploy web",
                1,
                "",
                "error: must specify --patch or --patch-file containing the contents of the patch",
            ),
            (
                "kubectl patch deploy web -p '{\"spec\":{\"replicaz\":2}}'",
                0,
                "deployment.apps/web patched (no change)",
                "Warning: unknown field \"spec.replicaz\"",
            ),
            (
                "kubectl patch deploy web --type=merge -p '{\"spec\":{\"replicas\":-1}}'",
                1,
                "",
                "The Deployment \"web\" is invalid: spec.replicas: Invalid value: -1: must be greater than or equal to 0",
            ),
            (
                "kubectl patch deploy web -p '{\"spec\":{\"selector\":{\"matchLabels\":{\"a\":\"b\"}},\"template\":{\"metadata\":{\"labels\":{\"a\":\"b\"}}}}}'",
                1,
                "",
                "The Deployment \"web\" is invalid: spec.selector: Invalid value: *: field is immutable",
            ),
            ("kubectl exec nosuch -- ls", 1, "", "Error from server (NotFound): pods \"nosuch\" not found"),
            (
                "kubectl exec deploy/web -c nosuch -- ls",
                1,
                "",
                "Error from server (BadRequest): container nosuch is not valid for pod web-*",
            ),
            ("kubectl exec deploy/web", 1, "", "error: you must specify at least one command for the container"),
            ("kubectl exec deploy/web -- false", 1, "", "command terminated with exit code 1"),
            (
                "kubectl exec deploy/web -- nosuch",
                1,
                "",
                "error: Internal error occurred: * exec: \"nosuch\": executable file not found in $PATH*",
            ),
            ("kubectl get nosuch", 1, "", "error: the server doesn't have a resource type \"nosuch\""),
            (
                "kubectl get pods --field-selector nosuch=1",
                1,
                "",
                "Error from server (BadRequest): Unable to find \"/v1, Resource=pods\" that match label selector \"\", field selector \"nosuch=1\": field label not supported: nosuch",
            ),
            (
                "kubectl logs nosuch",
                1,
                "",
                "error: error from server (NotFound): pods \"nosuch\" not found in namespace \"default\"",
            ),
            ("kubectl delete pod nosuch", 1, "", "Error from server (NotFound): pods \"nosuch\" not found"),
            ("kubectl delete pod nosuch --ignore-not-found", 0, "", ""),
            (
                "kubectl scale deploy web --current-replicas=9 --replicas=1",
                1,
                "",
                "error: Expected replicas to be 9, was 3",
            ),
            ("kubectl rollout pause deploy/web", 0, "deployment.apps/web paused", ""),
            ("kubectl rollout pause deploy/web", 1, "", "error: deployments.apps \"web\" is already paused"),
            (
                "kubectl rollout restart deploy/web",
                1,
                "",
                "error: deployments.apps \"web\" can't restart paused deployment (run rollout resume first)",
            ),
            ("kubectl rollout resume deploy/web", 0, "deployment.apps/web resumed", ""),
            ("kubectl rollout resume deploy/web", 1, "", "error: deployments.apps \"web\" is not paused"),
            (
                "kubectl rollout undo deploy/web --to-revision=9",
                1,
                "",
                "error: unable to find specified revision 9 in history",
            ),
            (
                "kubectl wait --for=condition=Available deploy/nosuch",
                1,
                "",
                "Error from server (NotFound): deployments.apps \"nosuch\" not found",
            ),
            (
                "kubectl wait --for=jsonpath='{.spec.replicas}'=9 deploy/web --timeout=1s",
                1,
                "",
                "error: timed out waiting for the condition on deployments/web",
            ),
        ],
    );
}

/// <https://kubernetes.io/docs/concepts/policy/>, <https://kubernetes.io/docs/tasks/run-application/configure-pdb/>,
/// <https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/>, <https://kubernetes.io/docs/concepts/storage/>.
#[needs("kubectl")]
#[test]
fn what_controllers_and_admission_say() {
    let kubectl = oracles::path("kubectl");
    let served = Served::start(&["--speed", "20"]);
    std::fs::write(
        served.folder.path().join("claim.yaml"),
        "apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {name: data}\nspec:\n  accessModes: [ReadWriteOnce]\n  storageClassName: nosuch\n  resources: {requests: {storage: 1Gi}}\n",
    )
    .unwrap();
    answers(
        &served,
        &kubectl,
        &[
            ("kubectl create cronjob tick --image=busybox --schedule='0 0 1 1 *'", 0, "cronjob.batch/tick created", ""),
            ("kubectl create job now --from=cronjob/tick", 0, "job.batch/now created", ""),
            ("kubectl wait --for=condition=complete job/now --timeout=60s", 0, "job.batch/now condition met", ""),
            ("kubectl get cronjob tick --no-headers | tr -s ' '", 0, "tick 0 0 1 1 * <none> False 0 <none> *", ""),
            (
                "kubectl create cronjob bad --image=x --schedule=nope",
                1,
                "",
                "error: failed to create cronjob: CronJob.batch \"bad\" is invalid: spec.schedule: Invalid value: \"nope\": expected exactly 5 fields, found 1: [nope]",
            ),
            ("kubectl create quota few --hard=pods=1,configmaps=2 -n kube-public", 0, "resourcequota/few created", ""),
            ("kubectl run a --image=nginx -n kube-public", 0, "pod/a created", ""),
            (
                "kubectl run b --image=nginx -n kube-public",
                1,
                "",
                "Error from server (Forbidden): pods \"b\" is forbidden: exceeded quota: few, requested: pods=1, used: pods=1, limited: pods=1",
            ),
            (
                "kubectl describe quota few -n kube-public",
                0,
                "Name:       few\nNamespace:  kube-public\nResource    Used  Hard\n--------    ----  ----\nconfigmaps  1     2\npods        1     1",
                "",
            ),
            ("kubectl create deployment web --image=nginx --replicas=2", 0, "deployment.apps/web created", ""),
            (
                "kubectl rollout status deploy/web --timeout=60s | tail -1",
                0,
                "deployment \"web\" successfully rolled out",
                "",
            ),
            (
                "kubectl create pdb web --selector=app=web --min-available=2",
                0,
                "poddisruptionbudget.policy/web created",
                "",
            ),
            ("kubectl get pdb web --no-headers | tr -s ' '", 0, "web 2 N/A 0 *", ""),
            (
                "kubectl drain $(kubectl get pod -l app=web -o jsonpath='{.items[0].spec.nodeName}') --pod-selector=app=web --timeout=1s 2>&1 | grep -m1 violate",
                0,
                "error when evicting pods/\"web-*\" -n \"default\" (will retry after 5s): Cannot evict pod as it would violate the pod's disruption budget.",
                "",
            ),
            (
                "kubectl autoscale deploy web --min=1 --max=3 --cpu-percent=80",
                0,
                "horizontalpodautoscaler.autoscaling/web autoscaled",
                "",
            ),
            ("kubectl get hpa web --no-headers | tr -s ' '", 0, "web Deployment/web cpu: <unknown>/80% 1 3 * *", ""),
            (
                "kubectl wait --for=condition=ScalingActive=False hpa/web --timeout=60s",
                0,
                "horizontalpodautoscaler.autoscaling/web condition met",
                "",
            ),
            (
                "kubectl events --for hpa/web --no-headers | grep -o 'failed to get cpu utilization: missing request for cpu in container nginx of Pod web-' | head -1",
                0,
                "failed to get cpu utilization: missing request for cpu in container nginx of Pod web-",
                "",
            ),
            ("kubectl apply -f claim.yaml", 0, "persistentvolumeclaim/data created", ""),
            ("kubectl get pvc data --no-headers | tr -s ' '", 0, "data Pending nosuch <unset> *", ""),
            (
                "kubectl events --for pvc/data --no-headers | grep -o 'storageclass.storage.k8s.io.*'",
                0,
                "storageclass.storage.k8s.io \"nosuch\" not found",
                "",
            ),
        ],
    );
}
