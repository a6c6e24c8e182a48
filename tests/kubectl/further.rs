//! Go templates, explanations, further descriptions, and the commands that make and set parts of objects. What is
//! expected is what kubectl 1.33 prints on the same server.

use crate::harness::with_cluster;

#[test]
fn go_templates() {
    with_cluster(async |cluster| {
        let get = ["get", "deploy", "carts", "-n", "carts", "-o"];
        for (template, status, stdout, stderr) in [
            ("go-template={{.metadata.name}}{{\"\\n\"}}", 0, "carts\n", ""),
            (
                "go-template={{.spec.replicas}} {{eq .spec.replicas 1}} {{printf \"%T\" .spec.replicas}}",
                0,
                "1 true int64",
                "",
            ),
            ("go-template={{range .spec.template.spec.containers}}{{.name}};{{end}}", 0, "carts;", ""),
            ("go-template={{.spec.foo.bar}}", 0, "<no value>", ""),
            (
                "go-template={{.spec",
                1,
                "",
                "error: error parsing template {{.spec, template: output:1: unclosed action\n",
            ),
            ("go-template", 1, "", "error: template format specified but no template given\n"),
        ] {
            let ran = cluster.words(&[&get[..], &[template]].concat(), "").await;
            assert_eq!((ran.status, ran.stdout.as_str(), ran.stderr.as_str()), (status, stdout, stderr), "{template}");
        }
        let ran = cluster.words(&[&get[..], &["go-template=x{{.spec.replicas.bar}}"]].concat(), "").await;
        assert!(
            ran.stdout.starts_with("xError executing template: template: output:1:8: executing \"output\" at <.spec.replicas.bar>: can't evaluate field bar in type interface {}. Printing more information for debugging the template:\n\ttemplate was:\n\t\tx{{.spec.replicas.bar}}\n\traw data was:\n\t\t{\"apiVersion\""),
            "{ran:?}"
        );
        assert_eq!(
            (ran.status, ran.stderr.as_str()),
            (
                1,
                "error: error executing template \"x{{.spec.replicas.bar}}\": template: output:1:8: executing \"output\" at <.spec.replicas.bar>: can't evaluate field bar in type interface {}\n"
            )
        );
    });
}

#[test]
fn fields_are_explained() {
    with_cluster(async |cluster| {
        let ran = cluster.run("explain pod.spec.containers.image").await;
        let head = "KIND:       Pod\nVERSION:    v1\n\nFIELD: image <string>\n\n\nDESCRIPTION:\n    ";
        assert!(ran.status == 0 && ran.stdout.starts_with(head), "{ran:?}");
        let ran = cluster.run("explain deployments.apps --recursive").await;
        assert!(ran.stdout.starts_with("GROUP:      apps\nKIND:       Deployment\nVERSION:    v1\n\n"), "{ran:?}");
        assert!(ran.stdout.contains("\n          resources\t<ResourceRequirements>\n"), "{ran:?}");
        let ran = cluster.run("explain pod.spec.nope").await;
        assert_eq!((ran.status, ran.stderr.as_str()), (1, "error: field \"nope\" does not exist\n"), "{ran:?}");
        let ran = cluster.run("explain nope").await;
        assert_eq!(ran.stderr, "the server doesn't have a resource type \"nope\"\n", "{ran:?}");
    });
}

#[test]
fn storage_and_policies_are_described() {
    with_cluster(async |cluster| {
        let manifests = concat!(
            "apiVersion: v1\nkind: PersistentVolume\nmetadata: {name: pv-a}\nspec:\n  capacity: {storage: 5Gi}\n",
            "  accessModes: [ReadWriteMany, ReadWriteOnce]\n  storageClassName: gp2\n",
            "  csi: {driver: ebs.csi.aws.com, volumeHandle: vol-1, fsType: ext4, volumeAttributes: {a: b, c: d}}\n---\n",
            "apiVersion: policy/v1\nkind: PodDisruptionBudget\nmetadata: {name: pdb-a}\n",
            "spec: {minAvailable: 50%, selector: {matchLabels: {app: none}}}\n---\n",
            "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: np}\n",
            "spec: {podSelector: {}, policyTypes: [Ingress], ingress: [{from: [{ipBlock: {cidr: 10.0.0.0/8}}], ports: [{port: 80}]}]}\n",
        );
        assert_eq!(cluster.words(&["apply", "-f", "-"], manifests).await.status, 0);
        let ran = cluster.run("describe pv pv-a").await;
        assert!(ran.stdout.contains("\nAccess Modes:    RWO,RWX\n"), "{ran:?}");
        assert!(
            ran.stdout.contains("    VolumeHandle:      vol-1\n    ReadOnly:          false\n    VolumeAttributes:      a=b\n                           c=d\nEvents:                <none>\n"),
            "{}",
            ran.stdout
        );
        let ran = cluster.run("describe pdb pdb-a").await;
        assert!(
            ran.stdout.starts_with("Name:           pdb-a\nNamespace:      default\nMin available:  50%\nSelector:       app=none\nStatus:\n    Allowed disruptions:  0\n"),
            "{ran:?}"
        );
        let ran = cluster.run("describe netpol np").await;
        assert!(
            ran.stdout.ends_with("Spec:\n  PodSelector:     <none> (Allowing the specific traffic to all pods in this namespace)\n  Allowing ingress traffic:\n    To Port: 80/TCP\n    From:\n      IPBlock:\n        CIDR: 10.0.0.0/8\n        Except: \n  Not affecting egress traffic\n  Policy Types: Ingress\n"),
            "{ran:?}"
        );
    });
}

#[test]
fn objects_are_made_of_options() {
    with_cluster(async |cluster| {
        for (line, stdout) in [
            (
                "create role r --verb=get,list --resource=pods,deployments.apps",
                "role.rbac.authorization.k8s.io/r created\n",
            ),
            (
                "create rolebinding r --role=r --serviceaccount=default:default",
                "rolebinding.rbac.authorization.k8s.io/r created\n",
            ),
            ("create service nodeport r --tcp=80:8080", "service/r created\n"),
            ("create ingress r --rule=a.b/x*=r:80,tls=s --class alb", "ingress.networking.k8s.io/r created\n"),
            ("create quota r --hard=pods=5,cpu=1000m", "resourcequota/r created\n"),
            ("create cm x --from-literal=a=b --append-hash --dry-run=client -o name", "configmap/x-64686gkt6c\n"),
            (
                "get role r -o jsonpath={.rules}",
                "[{\"apiGroups\":[\"\"],\"resources\":[\"pods\"],\"verbs\":[\"get\",\"list\"]},{\"apiGroups\":[\"apps\"],\"resources\":[\"deployments\"],\"verbs\":[\"get\",\"list\"]}]",
            ),
            ("get ingress r -o jsonpath={.spec.rules[0].http.paths[0].pathType}:{.spec.tls[0].hosts[0]}", "Prefix:a.b"),
            ("get quota r -o jsonpath={.spec.hard.cpu}", "1"),
        ] {
            let ran = cluster.run(line).await;
            assert_eq!((ran.status, ran.stdout.as_str()), (0, stdout), "{line}: {ran:?}");
        }
        for (line, stderr) in [
            (
                "create role r --verb=get --resource=pods",
                "Error from server (AlreadyExists): roles.rbac.authorization.k8s.io \"r\" already exists\n",
            ),
            ("create quota r", "error: failed to create quota: resourcequotas \"r\" already exists\n"),
            ("create clusterrole x", "error: at least one verb must be specified\n"),
            ("create service clusterip x", "error: at least one tcp port specifier must be provided\n"),
            ("create cronjob x", "error: required flag(s) \"image\", \"schedule\" not set\n"),
            (
                "create service foo",
                "error: unknown command \"foo\"\nSee 'kubectl create service -h' for help and examples\n",
            ),
        ] {
            let ran = cluster.run(line).await;
            assert_eq!((ran.status, ran.stderr.as_str()), (1, stderr), "{line}");
        }
    });
}

#[test]
fn parts_of_objects_are_set() {
    with_cluster(async |cluster| {
        for (line, stdout) in [
            (
                "set resources deploy carts -n carts --limits=cpu=2,memory=1Gi",
                "deployment.apps/carts resource requirements updated\n",
            ),
            ("get deploy carts -n carts -o jsonpath={.spec.template.spec.containers[0].resources.limits.cpu}", "2"),
            ("set serviceaccount deploy carts default -n carts", "deployment.apps/carts serviceaccount updated\n"),
            ("get deploy carts -n carts -o jsonpath={.spec.template.spec.serviceAccountName}", "default"),
            ("set env deploy/carts -n carts COLOUR=blue", "deployment.apps/carts env updated\n"),
            ("set env deploy/carts -n carts COLOUR=blue", ""),
            ("set selector svc carts a=b -n carts", "service/carts selector updated\n"),
            ("get svc carts -n carts -o jsonpath={.spec.selector}", "{\"a\":\"b\"}"),
        ] {
            let ran = cluster.run(line).await;
            assert_eq!((ran.status, ran.stdout.as_str()), (0, stdout), "{line}: {ran:?}");
        }
        let manifest =
            "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec: {containers: [{name: a, image: 'a:1'}]}\n";
        let ran = cluster.words(&["set", "image", "-f", "-", "a=b:2", "--local", "-o", "yaml"], manifest).await;
        assert_eq!(
            ran.stdout,
            "apiVersion: v1\nkind: Pod\nmetadata:\n  creationTimestamp: null\n  name: p\nspec:\n  containers:\n  - image: b:2\n    name: a\n    resources: {}\nstatus: {}\n",
            "{ran:?}"
        );
        let ran = cluster.run("set image deploy/x a=b --local").await;
        assert!(
            ran.stderr.starts_with("error: you must specify resources by --filename when --local is set.\n"),
            "{ran:?}"
        );
    });
}

#[test]
fn what_has_no_place_is_refused_by_name() {
    with_cluster(async |cluster| {
        for line in ["port-forward svc/carts 80", "proxy", "completion bash"] {
            let ran = cluster.run(line).await;
            let words: Vec<&str> = line.split(' ').take(if line.starts_with("completion") { 2 } else { 1 }).collect();
            let start = format!("error: kubectl {} is refused: ", words.join(" "));
            assert!(ran.status == 1 && ran.stderr.starts_with(&start), "{line}: {ran:?}");
        }
        let ran = cluster.run("auth can-i --list").await;
        let words: Vec<Vec<&str>> = ran.stdout.lines().map(|line| line.split_whitespace().collect()).collect();
        assert_eq!(words[0].join(" "), "Resources Non-Resource URLs Resource Names Verbs", "{ran:?}");
        assert_eq!(words[1], ["*.*", "[]", "[]", "[*]"], "{ran:?}");
        for (line, stderr) in [
            ("cp a b", "error: one of src or dest must be a remote file specification\n"),
            ("cp a:x b:y", "error: one of src or dest must be a local file specification\n"),
            ("cp x", "error: source and destination are required\n"),
            ("config use-context nope", "error: no context exists with the name: \"nope\"\n"),
            ("config set-context", "error: you must specify a non-empty context name or --current\n"),
        ] {
            let ran = cluster.run(line).await;
            assert_eq!((ran.status, ran.stderr.as_str()), (1, stderr), "{line}");
        }
    });
}
