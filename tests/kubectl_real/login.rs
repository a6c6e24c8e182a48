//! A kubeconfig as `aws eks update-kubeconfig` writes it, on the served sandbox: its user is a token that the CLI signs.

use std::path::PathBuf;

use crate::served::{Served, real_kubectl};

/// The folder of the real AWS CLI and the CLI itself.
fn real_aws() -> Option<PathBuf> {
    let named = std::env::var_os("LECTERN_AWS_CLI").map(PathBuf::from);
    let found = named.or_else(|| {
        std::env::split_paths(&std::env::var_os("PATH")?).map(|folder| folder.join("aws")).find(|path| path.is_file())
    });
    if found.is_none() {
        eprintln!("skipped: no LECTERN_AWS_CLI, and no aws on PATH");
    }
    found
}

#[test]
fn the_kubeconfig_of_the_aws_cli_leads_to_the_sandbox() {
    let Some(aws) = real_aws() else { return };
    let served = Served::start(&[]);
    let kubectl = real_kubectl().unwrap_or_else(|| PathBuf::from("/nowhere/kubectl"));
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

    if !kubectl.is_file() {
        return;
    }
    let (code, out, err) =
        served.kubectl(&kubectl, &format!("{written} && kubectl --kubeconfig written get namespace carts -o name"));
    assert_eq!((code, out.as_str()), (0, "namespace/carts\n"), "{err}");
    let (code, out, err) = served.kubectl(
        &kubectl,
        &format!("{written} && AWS_SECRET_ACCESS_KEY=other kubectl --kubeconfig written get namespace carts"),
    );
    assert_eq!((code, out.as_str()), (1, ""), "a token that another secret signed: {err}");
}
