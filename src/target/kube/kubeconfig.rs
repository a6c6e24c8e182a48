//! kubeconfig files: found, read and merged by kubectl's rules, and complained about in its words.
//!
//! The rules are those of client-go (tools/clientcmd): the first file that sets a value or has an entry of a name wins,
//! files of a list that are not there are left out, and paths in a file are relative to its folder.

use std::io;
use std::path::{Path, PathBuf};

use kube::config::Kubeconfig;

use super::KubeOptions;

/// The files that a command's configuration is read from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Files {
    /// The one that `--kubeconfig` names: it must be there.
    One(String),
    /// Those of KUBECONFIG, else `~/.kube/config`: those that are there.
    List(Vec<String>),
}

impl Files {
    /// The files that the options mean.
    pub fn of(options: &KubeOptions) -> Self {
        if let Some(file) = &options.kubeconfig {
            return Self::One(file.clone());
        }
        let mut list = Vec::new();
        match options.variable("KUBECONFIG") {
            Some(named) => {
                for file in named.split(':').filter(|file| !file.is_empty()) {
                    if !list.iter().any(|known| known == file) {
                        list.push(file.to_owned());
                    }
                }
            }
            None => list.extend(options.variable("HOME").map(|home| format!("{home}/.kube/config"))),
        }
        Self::List(list)
    }

    /// Their names.
    pub fn names(&self) -> &[String] {
        match self {
            Self::One(file) => std::slice::from_ref(file),
            Self::List(files) => files,
        }
    }

    /// Reads and merges them. `cwd` is what their names are relative to.
    ///
    /// # Errors
    /// With kubectl's words, as it prints them: a file that must be there and is not, and all that cannot be read.
    pub fn read(&self, cwd: &Path, open: &dyn Fn(&Path) -> io::Result<Vec<u8>>) -> Result<Kubeconfig, String> {
        let mut merged = Kubeconfig::default();
        let mut wrong = Vec::new();
        for name in self.names() {
            let path = cwd.join(name);
            let found = match open(&path) {
                Ok(bytes) => parse(&bytes, path.parent().unwrap_or(cwd)),
                Err(error) if error.kind() == io::ErrorKind::NotFound => match self {
                    Self::One(_) => return Err(format!("error: stat {name}: no such file or directory")),
                    Self::List(_) => continue,
                },
                Err(error) if error.kind() == io::ErrorKind::IsADirectory => {
                    Err(format!("read {name}: {}", reason(&error)))
                }
                Err(error) => Err(format!("open {name}: {}", reason(&error))),
            };
            let found = found.and_then(|next| merged.clone().merge(next).map_err(|error| error.to_string()));
            match found {
                Ok(next) => merged = next,
                Err(why) => wrong.push(format!("error loading config file \"{name}\": {why}")),
            }
        }
        match wrong.as_slice() {
            [] => Ok(merged),
            [one] => Err(format!("error: {one}")),
            many => Err(many.join("\n")),
        }
    }
}

/// Reads one file, whose relative paths are seen from `folder`.
fn parse(bytes: &[u8], folder: &Path) -> Result<Kubeconfig, String> {
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Ok(Kubeconfig::default());
    }
    let text = std::str::from_utf8(bytes).map_err(|_| "yaml: invalid leading UTF-8 octet".to_owned())?;
    let mut config = Kubeconfig::from_yaml(text).map_err(|error| {
        // The parser draws the place over several lines; the first says what and where.
        let source = std::error::Error::source(&error).map_or_else(|| error.to_string(), ToString::to_string);
        format!("yaml: {}", source.lines().next().unwrap_or_default())
    })?;
    let kind = config.kind.as_deref().unwrap_or("Config");
    let version = config.api_version.as_deref().unwrap_or("v1");
    if (kind, version) != ("Config", "v1") {
        return Err(format!(
            "no kind \"{kind}\" is registered for version \"{version}\" in scheme \"k8s.io/client-go/tools/clientcmd/api/latest/latest.go:50\""
        ));
    }
    once(config.clusters.iter().map(|named| &named.name), "NamedCluster", "Cluster")?;
    once(config.auth_infos.iter().map(|named| &named.name), "NamedAuthInfo", "AuthInfo")?;
    once(config.contexts.iter().map(|named| &named.name), "NamedContext", "Context")?;
    // An empty value is none, and the next file's is taken.
    config.current_context = config.current_context.filter(|name| !name.is_empty());
    let absolute = |path: &mut Option<String>| {
        if let Some(given) = path.as_ref().filter(|path| !path.is_empty() && Path::new(path).is_relative()) {
            *path = Some(tidy(&folder.join(given)));
        }
    };
    for cluster in config.clusters.iter_mut().filter_map(|named| named.cluster.as_mut()) {
        absolute(&mut cluster.certificate_authority);
    }
    for user in config.auth_infos.iter_mut().filter_map(|named| named.auth_info.as_mut()) {
        absolute(&mut user.client_certificate);
        absolute(&mut user.client_key);
        absolute(&mut user.token_file);
    }
    Ok(config)
}

fn once<'a>(names: impl Iterator<Item = &'a String>, list: &str, entry: &str) -> Result<(), String> {
    let mut seen = std::collections::HashSet::new();
    for name in names {
        if !seen.insert(name) {
            return Err(format!(
                "error converting *[]{list} into *map[string]*api.{entry}: duplicate name \"{name}\" in list"
            ));
        }
    }
    Ok(())
}

/// A path without `.` and, where that is plain, without `..`.
fn tidy(path: &Path) -> String {
    let mut tidy = PathBuf::new();
    for part in path.components() {
        match part {
            std::path::Component::CurDir => {}
            std::path::Component::ParentDir => {
                tidy.pop();
            }
            part => tidy.push(part),
        }
    }
    tidy.to_string_lossy().into_owned()
}

/// Why a file cannot be read, as Go says it.
pub fn reason(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "no such file or directory".to_owned(),
        io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        io::ErrorKind::IsADirectory => "is a directory".to_owned(),
        _ => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(files: &Files) -> Result<Kubeconfig, String> {
        files.read(Path::new("/w"), &|path| match path.to_str() {
            Some("/w/a") => Ok(b"current-context: ''\nclusters:\n- {name: k, cluster: {server: 'https://a', certificate-authority: ../ca.pem}}\n".to_vec()),
            Some("/w/dir/b") => Ok(b"kind: Config\napiVersion: v1\ncurrent-context: c\nclusters:\n- {name: k, cluster: {server: 'https://b'}}\ncontexts:\n- {name: c, context: {cluster: k, user: u}}\nusers:\n- {name: u, user: {tokenFile: t}}\n".to_vec()),
            Some("/w/empty") => Ok(Vec::new()),
            Some("/w/bad") => Ok(b"a: [b\n".to_vec()),
            Some("/w/pod") => Ok(b"kind: Pod\napiVersion: v1\n".to_vec()),
            Some("/w/twice") => Ok(b"clusters:\n- name: a\n- name: a\n".to_vec()),
            Some("/w/dir") => Err(io::ErrorKind::IsADirectory.into()),
            _ => Err(io::ErrorKind::NotFound.into()),
        })
    }

    fn list(names: &str) -> Files {
        let mut options = KubeOptions::default();
        options.environment.insert("KUBECONFIG".into(), names.into());
        Files::of(&options)
    }

    #[test]
    fn the_first_file_wins_and_missing_ones_are_left_out() {
        let merged = read(&list("a::gone:empty:dir/b:a")).unwrap();
        assert_eq!(merged.current_context.as_deref(), Some("c"));
        assert_eq!(merged.clusters.len(), 1);
        let cluster = merged.clusters[0].cluster.as_ref().unwrap();
        assert_eq!(cluster.server.as_deref(), Some("https://a"));
        assert_eq!(cluster.certificate_authority.as_deref(), Some("/ca.pem"));
        assert_eq!(merged.auth_infos[0].auth_info.as_ref().unwrap().token_file.as_deref(), Some("/w/dir/t"));
        assert!(read(&list("gone:gone2")).unwrap().clusters.is_empty());
        assert_eq!(list("").names().len(), 0);
    }

    #[test]
    fn what_is_wrong_is_told_of_each_file() {
        assert_eq!(read(&Files::One("gone".into())).unwrap_err(), "error: stat gone: no such file or directory");
        assert_eq!(
            read(&Files::One("dir".into())).unwrap_err(),
            "error: error loading config file \"dir\": read dir: is a directory"
        );
        let pod = read(&Files::One("pod".into())).unwrap_err();
        assert!(pod.starts_with("error: error loading config file \"pod\": no kind \"Pod\" is registered"), "{pod}");
        let both = read(&list("bad:twice")).unwrap_err();
        let lines: Vec<&str> = both.lines().collect();
        assert!(lines.len() == 2 && lines[0].starts_with("error loading config file \"bad\": yaml: "), "{both}");
        assert!(lines[1].contains("duplicate name \"a\" in list"), "{both}");
    }
}
