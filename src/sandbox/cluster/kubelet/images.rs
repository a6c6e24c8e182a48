//! Names of images as container runtimes spell them.

use super::super::object;

/// The full name: registry and tag included, as containerd reports it.
pub(super) fn full_name(image: &str) -> String {
    let (path, digest) = image.split_once('@').map_or((image, None), |(path, digest)| (path, Some(digest)));
    let slash = path.rfind('/').map_or(0, |at| at + 1);
    let tagged = path[slash..].contains(':');
    let first = path.split('/').next().unwrap_or_default();
    let hosted = path.contains('/') && (first.contains('.') || first.contains(':') || first == "localhost");
    let mut name = match (hosted, path.contains('/')) {
        (true, _) => path.to_owned(),
        (false, true) => format!("docker.io/{path}"),
        (false, false) => format!("docker.io/library/{path}"),
    };
    match digest {
        Some(digest) => {
            name.push('@');
            name.push_str(digest);
        }
        None if !tagged => name.push_str(":latest"),
        None => {}
    }
    name
}

/// The repository with the image's digest.
pub(super) fn id(image: &str) -> String {
    let full = full_name(image);
    if full.contains('@') {
        return full;
    }
    let repository = full.rsplit_once(':').map_or(full.as_str(), |(repository, _)| repository);
    format!("{repository}@sha256:{}", object::digest(&[&full]))
}

/// Whether an image is pulled although it is there.
pub(super) fn always_pulled(policy: &str, image: &str) -> bool {
    match policy {
        "" => full_name(image).ends_with(":latest"),
        other => other == "Always",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        for (image, full) in [
            ("nginx", "docker.io/library/nginx:latest"),
            ("nginx:1.28", "docker.io/library/nginx:1.28"),
            ("amazon/dynamodb-local:1.25.1", "docker.io/amazon/dynamodb-local:1.25.1"),
            ("public.ecr.aws/a/b:1", "public.ecr.aws/a/b:1"),
            ("localhost:5000/x", "localhost:5000/x:latest"),
            ("a/b@sha256:00", "docker.io/a/b@sha256:00"),
        ] {
            assert_eq!(full_name(image), full);
        }
        assert!(id("nginx:1").starts_with("docker.io/library/nginx@sha256:"));
        assert!(always_pulled("", "nginx") && !always_pulled("", "nginx:1") && always_pulled("Always", "nginx:1"));
    }
}
