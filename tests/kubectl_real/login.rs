//! A kubeconfig as `aws eks update-kubeconfig` writes it, on the served sandbox: its user is a token that the CLI signs.

use needs::needs;

use crate::served::Served;

#[needs("aws", "kubectl")]
#[test]
fn the_kubeconfig_of_the_aws_cli_leads_to_the_sandbox() {
    let aws = oracles::path("aws");
    let served = Served::start(&[]);
    let kubectl = oracles::path("kubectl");
    let written = format!(
        "export PATH={}:$PATH; unset KUBECONFIG; aws eks update-kubeconfig --name $EKS_CLUSTER_NAME --alias mine --kubeconfig written > /dev/null",
        aws.parent().unwrap().display()
    );
    // lectern makes the token itself: no aws is on its PATH.
    let lectern = format!(
        "{written} && export KUBECONFIG=$PWD/written && PATH=/nowhere {} sh --target live -c 'kubectl get namespace carts -o name'",
        env!("CARGO_BIN_EXE_lectern")
    );
    let (code, out, err) = served.kubectl(&kubectl, &lectern);
    assert_eq!((code, out.as_str()), (0, "namespace/carts\n"), "{err}");
    let (code, out, err) = served.kubectl(
        &kubectl,
        &lectern.replace("export KUBECONFIG", "sed -i 's/eks-workshop-auto$/other/' written; export KUBECONFIG"),
    );
    assert_ne!(code, 0, "a token for another cluster: {out}{err}");
    assert!(err.contains("the server has asked for the client to provide credentials"), "{err}");

    let (code, out, err) =
        served.kubectl(&kubectl, &format!("{written} && kubectl --kubeconfig written get namespace carts -o name"));
    assert_eq!((code, out.as_str()), (0, "namespace/carts\n"), "{err}");
    let (code, out, err) = served.kubectl(
        &kubectl,
        &format!("{written} && AWS_SECRET_ACCESS_KEY=other kubectl --kubeconfig written get namespace carts"),
    );
    assert_eq!((code, out.as_str()), (1, ""), "a token that another secret signed: {err}");
}
